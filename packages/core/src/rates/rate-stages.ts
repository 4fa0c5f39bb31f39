import type { PlaceClaim, RateClaim, RateConsistency, RateLimit } from '../ports/rate-book.ts'

/** A limit that covers an exchange, and where it is counted for it. */
export interface RateDemand {
  readonly limit: RateLimit
  /** Of its bucket or room. */
  readonly name: string
  /** Who takes a place, where the limit is one of places. */
  readonly holder: string
}

/** Demands that are asked for in one call. */
export interface RateStage {
  readonly where: RateConsistency
  readonly form: 'concurrency' | 'buckets' | 'sessions'
  readonly demands: readonly RateDemand[]
}

/** A place in the store is held for so long, and extended while its exchange lasts: how long a crash keeps it. */
export const placeMillis = 60_000

/**
 * What is asked for in order, so that what is refused late gives back little: places of exchanges, then buckets, then places of sessions, which cannot be given back
 * (the session may have been there before).
 */
const stageOrder: readonly (readonly [RateStage['form'], RateConsistency])[] = [
  ['concurrency', 'local'],
  ['concurrency', 'shared'],
  ['buckets', 'local'],
  ['buckets', 'shared'],
  ['buckets', 'leased'],
  ['sessions', 'local'],
  ['sessions', 'shared'],
]

/** True for limits of places, which are held; false for those of buckets, which fill up again. */
export function isRoom({ unit }: RateLimit): boolean {
  return unit === 'concurrency' || unit === 'sessions'
}

/** Where a limit is counted. Places are not leased: there are too few of them to keep any back. */
export function countedIn(limit: RateLimit): RateConsistency {
  return limit.consistency === 'leased' && isRoom(limit) ? 'shared' : limit.consistency
}

/** What every exchange takes before it is sent: a request of a limit of requests; of other units one, so that nobody is let in where nothing is left. */
export const firstTake = 1

/** The demands of an exchange, in the order that they are asked for. */
export function stagesOf(demands: readonly RateDemand[]): readonly RateStage[] {
  const stages: RateStage[] = []
  for (const [form, where] of stageOrder) {
    const some = demands.filter(({ limit }) => formOf(limit) === form && countedIn(limit) === where)
    if (some.length > 0) stages.push({ form, where, demands: some })
  }
  return stages
}

function formOf({ unit }: RateLimit): RateStage['form'] {
  return unit === 'concurrency' || unit === 'sessions' ? unit : 'buckets'
}

/** What a demand takes from its bucket; negative to give back. */
export function claimOf({ limit, name }: RateDemand, amount: number): RateClaim {
  return { bucket: name, amount, capacity: limit.amount, perMillis: limit.perMillis }
}

/** An exchange of this process is over when the process is: only the store needs an expiry. */
export function placeOf({ limit, name, holder }: RateDemand, at: number): PlaceClaim {
  const lastsMillis = limit.unit === 'sessions' ? limit.perMillis : limit.consistency === 'local' ? Infinity : placeMillis
  return { room: name, holder, places: limit.amount, expiresAt: at + lastsMillis }
}
