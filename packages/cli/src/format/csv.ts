/** A value of a table for machines; null is an empty cell. */
export type CsvValue = string | number | null

/** Rows as CSV (RFC 4180). */
export function csv(header: readonly string[], rows: readonly (readonly CsvValue[])[]): string {
  return [header, ...rows].map((row) => row.map(cell).join(',')).join('\r\n')
}

/**
 * Text is quoted where it must be. Text that a spreadsheet would run as a formula gets an apostrophe before it (OWASP, CSV injection):
 * session, developer and model names come from outside.
 */
function cell(value: CsvValue): string {
  if (value === null) return ''
  if (typeof value === 'number') return String(value)
  const safe = /^[\s]*[=+\-@\uff0b\uff0d\uff1d\uff20]/.test(value) || /^[\t\r\n]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(safe) || safe !== safe.trim() ? `"${safe.replaceAll('"', '""')}"` : safe
}
