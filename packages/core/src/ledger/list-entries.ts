import type { ExchangeQuery, LedgerEntry } from '../ports/ledger.ts'
import { toStorableText } from './storable.ts'
import { compareText } from './text-order.ts'

/** The entries that a query asks for, newest first. The whole of `Ledger.exchanges` for a store that can afford to read all it has. */
export function listEntries(entries: Iterable<LedgerEntry>, query: ExchangeQuery): readonly LedgerEntry[] {
  const { since = -Infinity, until = Infinity, limit: asked = 100 } = query
  const limit = Math.max(0, asked)
  const id = query.id === undefined ? undefined : toStorableText(query.id)
  const session = query.session === undefined ? undefined : toStorableText(query.session)
  let found: LedgerEntry[] = []
  let oldest = since
  for (const entry of entries) {
    if (entry.startedAt < oldest || entry.startedAt >= until) continue
    if (session !== undefined && entry.attribution.session?.value !== session) continue
    if (id !== undefined && entry.exchangeId !== id && entry.upstreamRequestId !== id && entry.messageId !== id) continue
    found.push(entry)
    if (found.length < 2 * limit + 100) continue
    // Sorted in small lots, so that a long ledger is not sorted whole for a short list.
    found = found.sort(newestFirst).slice(0, limit)
    oldest = Math.max(oldest, found.at(-1)?.startedAt ?? Infinity)
  }
  return found.sort(newestFirst).slice(0, limit)
}

/** Order of `Ledger.exchanges`: by start, newest first; of one instant, the later id first. */
function newestFirst(left: LedgerEntry, right: LedgerEntry): number {
  return right.startedAt - left.startedAt || compareText(right.exchangeId, left.exchangeId)
}
