import type { LedgerEntry } from '@sluice/core'
import { reportParts, toEntryJson, toStorableEntry, toStorableText, type EntryDimension } from '@sluice/core/ledger'
import { StoreError } from '../store-error.ts'

const dayMillis = 86_400_000
/** All time zones in use are whole quarters of an hour from UTC, so sums by quarter are exact by hour and day in each of them. */
export const quarterMillis: number = 15 * 60_000

/** Dimensions that an exchange is counted under in every sum, in the order of the `labels` of a document. Session and agent have sums of their own. */
export const labelDimensions: readonly Exclude<EntryDimension, 'session' | 'agent'>[] = [
  'developer',
  'repository',
  'model',
  'kind',
  'outcome',
  'key',
  'scope',
  'organisation',
  'businessUnit',
  'subBusinessUnit',
  'costCentre',
]

/** An exchange, as the functions of the schema take it: one JSON text of known shape. */
export interface EntryDocument {
  readonly id: string
  /** Of UTC, since the epoch: which partition. */
  readonly day: number
  /** The id does not carry its time, and is kept unique in a table of its own. */
  readonly isForeign: boolean
  readonly json: string
}

/** The year 10000. */
const maxMillis = 253_402_300_800_000

/** What {@link toEntryDocument} makes is the exchange's own; later changes to the entry are not seen. @throws StoreError for a start that no calendar knows */
export function toEntryDocument(entry: LedgerEntry, owner?: string): EntryDocument {
  const kept = toStorableEntry(entry)
  const { exchangeId: id, startedAt, attribution } = kept
  if (!(startedAt >= 0 && startedAt < maxMillis))
    throw new StoreError('rejected', `An exchange cannot have started at ${startedAt}: that is no instant between 1970 and 9999.`)
  const ownTime = timeOf(id)
  const isForeign = ownTime === undefined || Math.abs(ownTime - startedAt) > dayMillis
  const day = Math.floor((isForeign ? startedAt : ownTime) / dayMillis)
  const json = JSON.stringify({
    id,
    day,
    isForeign,
    startedAt: Math.floor(startedAt),
    quarter: Math.floor(startedAt / quarterMillis),
    session: attribution.session?.value ?? null,
    agent: attribution.agent?.value ?? null,
    upstreamRequestId: kept.upstreamRequestId ?? null,
    messageId: kept.messageId ?? null,
    firstByteMillis: kept.firstByteAt === undefined ? null : kept.firstByteAt - startedAt,
    durationMillis: kept.endedAt - startedAt,
    entry: toEntryJson(kept),
    parts: reportParts(kept).map((part) => ({
      labels: labelDimensions.map((dimension) => part[dimension]),
      sums: {
        exchanges: part.exchanges,
        unpriced: part.unpricedExchanges,
        partial: part.partialExchanges,
        leading_exchanges: part.leading?.exchanges ?? 0,
        leading_unpriced: part.leading?.unpricedExchanges ?? 0,
        leading_partial: part.leading?.partialExchanges ?? 0,
        fresh_input: part.freshInputTokens,
        cache_read: part.cacheReadTokens,
        cache_write_5m: part.cacheWrite5mTokens,
        cache_write_1h: part.cacheWrite1hTokens,
        output: part.outputTokens,
        web_search: part.webSearchRequests,
        web_fetch: part.webFetchRequests,
        cost: part.costNanoUsd.toString(),
      },
    })),
    ...(owner !== undefined && { owner: toStorableText(owner) }),
  })
  return { id, day, isForeign, json }
}

const crockford = '0123456789abcdefghjkmnpqrstvwxyz'

/** The time in an id of `newExchangeId`; undefined for an id of any other form. */
function timeOf(exchangeId: string): number | undefined {
  const digits = /^ex_([0-9a-hjkmnp-tv-z]{10})[0-9a-hjkmnp-tv-z]{16}$/.exec(exchangeId)?.[1]
  if (digits === undefined) return undefined
  let time = 0
  for (const digit of digits) time = time * 32 + crockford.indexOf(digit)
  return time
}
