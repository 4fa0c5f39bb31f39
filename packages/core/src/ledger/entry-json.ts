import type { RouteRecord } from '../entry/route-record.ts'
import type { LedgerEntry } from '../ports/ledger.ts'

/** An entry as one line of JSON; amounts of money become decimal strings, since a JSON number would round them. */
export function toEntryJson(entry: LedgerEntry): string {
  const { cost, route } = entry
  const lines = cost.lines.map((line) => ({ ...line, nanoUsd: line.nanoUsd.toString() }))
  // Half the time of a replacer, which is asked for each value.
  return JSON.stringify({ ...entry, cost: { ...cost, nanoUsd: cost.nanoUsd.toString(), lines }, ...(route?.arithmetic && { route: toRouteJson(route) }) })
}

/** The entry that {@link toEntryJson} made the text from. Trusts the text: it is for what this package wrote. */
export function parseEntryJson(text: string): LedgerEntry {
  const entry = JSON.parse(text) as LedgerEntry & { readonly cost: { readonly nanoUsd: unknown; readonly lines: readonly { readonly nanoUsd: unknown }[] } }
  const lines = entry.cost.lines.map((line) => ({ ...line, nanoUsd: BigInt(String(line.nanoUsd)) }))
  return {
    ...entry,
    cost: { ...entry.cost, nanoUsd: BigInt(String(entry.cost.nanoUsd)), lines },
    ...(entry.route?.arithmetic && { route: parseRoute(entry.route) }),
  }
}

function toRouteJson(route: RouteRecord): unknown {
  const { arithmetic } = route
  return arithmetic === undefined
    ? route
    : { ...route, arithmetic: { ...arithmetic, stayNanoUsd: arithmetic.stayNanoUsd.toString(), switchNanoUsd: arithmetic.switchNanoUsd.toString() } }
}

function parseRoute(route: RouteRecord): RouteRecord {
  const { arithmetic } = route
  return arithmetic === undefined
    ? route
    : { ...route, arithmetic: { ...arithmetic, stayNanoUsd: BigInt(String(arithmetic.stayNanoUsd)), switchNanoUsd: BigInt(String(arithmetic.switchNanoUsd)) } }
}
