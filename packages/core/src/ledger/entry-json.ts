import type { LedgerEntry } from '../ports/ledger.ts'

/** An entry as one line of JSON; amounts of money become decimal strings, since a JSON number would round them. */
export function toEntryJson(entry: LedgerEntry): string {
  return JSON.stringify(entry, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value))
}

/** The entry that {@link toEntryJson} made the text from. Trusts the text: it is for what this package wrote. */
export function parseEntryJson(text: string): LedgerEntry {
  const entry = JSON.parse(text) as LedgerEntry
  const lines = entry.cost.lines.map((line) => ({ ...line, nanoUsd: BigInt(line.nanoUsd) }))
  return { ...entry, cost: { ...entry.cost, nanoUsd: BigInt(entry.cost.nanoUsd), lines } }
}
