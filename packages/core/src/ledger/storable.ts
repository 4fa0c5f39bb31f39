import type { LedgerEntry } from '../ports/ledger.ts'

/** Text as every ledger keeps it: well-formed, with NUL and lone surrogates replaced by U+FFFD. Databases refuse or mangle both, each in its own way. */
export function toStorableText(text: string): string {
  const wellFormed = text.isWellFormed() ? text : text.toWellFormed()
  return wellFormed.includes('\0') ? wellFormed.replaceAll('\0', '\uFFFD') : wellFormed
}

/** A deep, frozen copy of an entry with all its text made storable: what an adapter keeps, whatever the caller does to the original. */
export function toStorableEntry(entry: LedgerEntry): LedgerEntry {
  return storable(entry) as LedgerEntry
}

/** Like {@link toStorableEntry} for any plain data: keys, scopes, audit records. */
export function toStorable<Value>(value: Value): Value {
  return storable(value) as Value
}

function storable(value: unknown): unknown {
  if (typeof value === 'string') return toStorableText(value)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return Object.freeze(value.map(storable))
  const copy: { [key: string]: unknown } = {}
  for (const [key, part] of Object.entries(value)) {
    if (part === undefined) continue
    const name = toStorableText(key)
    // A tag may be called so, and assignment would set the prototype.
    if (name === '__proto__') Object.defineProperty(copy, name, { value: storable(part), enumerable: true })
    else copy[name] = storable(part)
  }
  return Object.freeze(copy)
}
