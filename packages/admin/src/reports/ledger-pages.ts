import type { ExchangeQuery, Ledger, LedgerEntry } from '@sluice/core'

const pageSize = 500

/** Exchanges that were read from a ledger, newest first. */
export interface FoundEntries {
  readonly entries: readonly LedgerEntry[]
  /** False where there are older ones that were not read. */
  readonly isWhole: boolean
}

/** The newest entries that a query finds, up to a bound: read page by page, so that others have their turn in between. */
export async function newestEntries(ledger: Pick<Ledger, 'exchanges'>, query: ExchangeQuery, most: number, pause: () => Promise<void>): Promise<FoundEntries> {
  const entries: LedgerEntry[] = []
  let { until } = query
  // Of the instant that the page before ended in, those that have been read.
  let atEdge = new Set<string>()
  for (;;) {
    const limit = pageSize + atEdge.size
    const page = await ledger.exchanges({ ...query, limit, ...(until !== undefined && { until }) })
    for (const entry of page) if (!atEdge.has(entry.exchangeId)) entries.push(entry)
    const last = page.at(-1)
    if (last === undefined || page.length < limit) return { entries: entries.slice(0, most), isWhole: entries.length <= most }
    // Of exactly so many, the next page says whether there are more.
    if (entries.length > most) return { entries: entries.slice(0, most), isWhole: false }
    atEdge = new Set()
    for (let at = entries.length - 1; entries[at]?.startedAt === last.startedAt; at -= 1) atEdge.add(entries[at]?.exchangeId ?? '')
    until = last.startedAt + 1
    await pause()
  }
}
