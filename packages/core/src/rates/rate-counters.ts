import type { Clock } from '../host.ts'
import type { PlaceClaim, RateBook, RateClaim, RateConsistency, RateLimit, RateResult } from '../ports/rate-book.ts'
import { RateBookUnavailable, type StoreGuard } from './store-guard.ts'
import { LeasedBuckets } from './leased-buckets.ts'
import { claimOf, firstTake, placeOf, stagesOf, type RateDemand, type RateStage } from './rate-stages.ts'
import { RateTable } from './rate-table.ts'

/** Why an exchange cannot go on now. */
export type RateShortage =
  | {
      readonly kind: 'short'
      readonly demand: RateDemand
      /** Undefined where nobody knows: somebody has to leave. */
      readonly retryAfterMillis: number | undefined
    }
  | { readonly kind: 'unavailable'; readonly demand: RateDemand; readonly cause: unknown }

/** What was really used, in a limit's unit. */
export type UsedAmount = (limit: RateLimit) => number

/** The counting part of a rate book. */
interface Backend {
  readonly take: (claims: readonly RateClaim[], at: number) => Promise<readonly RateResult[]>
  readonly charge: (claims: readonly RateClaim[], at: number) => Promise<void>
  readonly enter: (claims: readonly PlaceClaim[], at: number) => Promise<number | undefined>
  readonly leave: (claims: readonly Pick<PlaceClaim, 'room' | 'holder'>[]) => Promise<void>
}

/** What has not been touched for so long is looked at for forgetting. */
const pruneAgeMillis = 60_000
const localPruneMillis = 60_000
const sharedPruneMillis = 600_000

/** What {@link RateCounters} count with. */
export interface RateCountersOptions {
  readonly clock: Clock
  readonly guard: StoreGuard
  /** Without one, limits of any consistency are counted in this process. */
  readonly book: RateBook | undefined
  readonly whenUnavailable: 'allow' | 'refuse'
  /** Told of a bucket or room that was given something back. */
  readonly onFree: (name: string) => void
}

/** Counts exchanges in all places that limits are counted in, as if it were one: all of an exchange's limits, or none. */
export class RateCounters {
  readonly #clock: Clock
  readonly #whenUnavailable: 'allow' | 'refuse'
  readonly #table = new RateTable()
  readonly #leases: LeasedBuckets | undefined
  readonly #shared: Pick<RateBook, 'prune'> | undefined
  readonly #guard: StoreGuard
  readonly #backends: Readonly<Record<RateConsistency, Backend>>
  readonly #onFree: (name: string) => void
  #localPruneAt = 0
  #sharedPruneAt = 0

  constructor({ clock, guard, book, whenUnavailable, onFree }: RateCountersOptions) {
    this.#clock = clock
    this.#guard = guard
    this.#whenUnavailable = whenUnavailable
    this.#onFree = onFree
    const table = this.#table
    const local: Backend = {
      take: async (claims, at) => table.take(claims, at),
      charge: async (claims, at) => table.charge(claims, at),
      enter: async (claims, at) => table.enter(claims, at),
      leave: async (places) => table.leave(places),
    }
    const shared: Backend = book === undefined ? local : guarded(book, guard)
    this.#shared = book
    this.#leases = book === undefined ? undefined : new LeasedBuckets(shared)
    const leases = this.#leases
    const leased: Backend =
      leases === undefined ? local : { ...shared, take: (claims, at) => leases.take(claims, at), charge: (claims, at) => leases.charge(claims, at) }
    this.#backends = { local, shared, leased }
  }

  /** Takes what all demands ask for, or nothing. Resolves with what was short, or undefined where there was enough. */
  async admit(demands: readonly RateDemand[]): Promise<RateShortage | undefined> {
    const at = this.#clock.now()
    this.#prune(at)
    const done: RateStage[] = []
    for (const stage of stagesOf(demands)) {
      const shortage = await this.#pass(stage, at)
      if (shortage === undefined) done.push(stage)
      else {
        await this.#giveBack(done)
        return shortage
      }
    }
    return undefined
  }

  /** Undoes an admission whose exchange will not go on. */
  async withdraw(demands: readonly RateDemand[]): Promise<void> {
    await this.#giveBack(stagesOf(demands))
  }

  /** Leaves the places of an exchange that is over, and charges what it came to. A store that is out forgives the charge, and frees the places when they expire. */
  async settle(demands: readonly RateDemand[], usedOf: UsedAmount): Promise<void> {
    const at = this.#clock.now()
    const ends = stagesOf(demands).map(async ({ where, form, demands: some }) => {
      if (form === 'sessions') return
      await (form === 'concurrency' ? this.#leave(where, some) : this.#charge(where, some, ({ limit }) => usedOf(limit) - firstTake, at))
    })
    await Promise.all(ends)
  }

  /** Extends the places that a crash would keep. False where there are none. */
  async extend(demands: readonly RateDemand[]): Promise<boolean> {
    const held = stagesOf(demands).find(({ form, where }) => form === 'concurrency' && where === 'shared')
    if (held === undefined || this.#shared === undefined) return false
    const at = this.#clock.now()
    await forgiving(
      this.#backends.shared.enter(
        held.demands.map((demand) => placeOf(demand, at)),
        at,
      ),
    )
    return true
  }

  async #pass({ where, form, demands }: RateStage, at: number): Promise<RateShortage | undefined> {
    const backend = this.#backends[where]
    try {
      if (form !== 'buckets') {
        const full = await backend.enter(
          demands.map((demand) => placeOf(demand, at)),
          at,
        )
        return full === undefined ? undefined : shortageOf(demands[full] as RateDemand, undefined)
      }
      const results = await backend.take(
        demands.map((demand) => claimOf(demand, firstTake)),
        at,
      )
      const waits = results.map(({ isAllowed, retryAfterMillis }) => (isAllowed ? -1 : retryAfterMillis))
      const longest = Math.max(...waits)
      return longest < 0 ? undefined : shortageOf(demands[waits.indexOf(longest)] as RateDemand, longest)
    } catch (cause) {
      if (!(cause instanceof RateBookUnavailable)) throw cause
      if (this.#whenUnavailable === 'allow') return undefined
      return { kind: 'unavailable', demand: demands[0] as RateDemand, cause }
    }
  }

  async #giveBack(stages: readonly RateStage[]): Promise<void> {
    const at = this.#clock.now()
    const given = stages.map(async ({ where, form, demands }) => {
      if (form === 'sessions') return
      await (form === 'concurrency' ? this.#leave(where, demands) : this.#charge(where, demands, () => -firstTake, at))
    })
    await Promise.all(given)
  }

  async #leave(where: RateConsistency, demands: readonly RateDemand[]): Promise<void> {
    await forgiving(this.#backends[where].leave(demands.map(({ name: room, holder }) => ({ room, holder }))))
    for (const { name } of demands) this.#onFree(name)
  }

  async #charge(where: RateConsistency, demands: readonly RateDemand[], amountOf: (demand: RateDemand) => number, at: number): Promise<void> {
    const claims = demands.map((demand) => claimOf(demand, amountOf(demand))).filter(({ amount }) => amount !== 0)
    if (claims.length === 0) return
    await forgiving(this.#backends[where].charge(claims, at))
    for (const { bucket, amount } of claims) if (amount < 0) this.#onFree(bucket)
  }

  /** Now and then, on the way. */
  #prune(at: number): void {
    if (at >= this.#localPruneAt) {
      this.#localPruneAt = at + localPruneMillis
      this.#table.prune(at - pruneAgeMillis)
      this.#leases?.prune(at - pruneAgeMillis)
    }
    const shared = this.#shared
    if (shared === undefined || at < this.#sharedPruneAt) return
    this.#sharedPruneAt = at + sharedPruneMillis
    // Nobody waits for it, so it may take its time.
    void forgiving(this.#guard.ask('forget what is over', () => shared.prune(at - pruneAgeMillis), { patienceMillis: Infinity }))
  }
}

function shortageOf(demand: RateDemand, retryAfterMillis: number | undefined): RateShortage {
  return { kind: 'short', demand, retryAfterMillis }
}

/** The guard has told of the outage; there is nothing else to be done about it here. */
async function forgiving(done: Promise<unknown>): Promise<void> {
  try {
    await done
  } catch (cause) {
    if (!(cause instanceof RateBookUnavailable)) throw cause
  }
}

function guarded(book: RateBook, guard: StoreGuard): Backend {
  return {
    take: (claims, at) => guard.ask('count an exchange', () => book.take(claims, at)),
    charge: (claims, at) => guard.ask('charge what an exchange came to', () => book.charge(claims, at), { isEnd: true }),
    enter: (claims, at) => guard.ask('give an exchange a place', () => book.enter(claims, at)),
    leave: (places) => guard.ask('take a place back', () => book.leave(places), { isEnd: true }),
  }
}
