import { toStorableText } from '@sluice/core/ledger'

/** A limit as SQL takes it: a whole number, none below zero, and a hundred where none is given. */
export function rowLimit(limit = 100): number {
  return Number.isNaN(limit) ? 0 : Math.trunc(Math.min(Math.max(limit, 0), Number.MAX_SAFE_INTEGER))
}

/** What is to be found, as it is kept; null where nothing is asked for. */
export function textOrNull(text: string | undefined): string | null {
  return text === undefined ? null : toStorableText(text)
}

/**
 * A condition: a column is the path `?1`, or begins with it and a slash; true of all where that is null. The slash is the character before the zero, so a range does
 * what a pattern would do wrongly, since names may hold its signs.
 */
export function isWithinSql(column: string): string {
  return `(?1 is null or ${column} = ?1 or (${column} >= ?1 || '/' and ${column} < ?1 || '0'))`
}

/** A condition: a key comes after `?2`, or any where that is null. Nothing comes before the empty text, so the index is entered at the right place either way. */
export function isAfterSql(key: string): string {
  return `${key} >= coalesce(?2, '') and (?2 is null or ${key} > ?2)`
}
