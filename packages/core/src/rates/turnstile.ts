import type { Clock } from '../host.ts'
import type { RateCounters, RateShortage, UsedAmount } from './rate-counters.ts'
import { countedIn, isRoom, placeMillis, type RateDemand } from './rate-stages.ts'
import type { Turn, WaitingLines } from './waiting-lines.ts'

/** An exchange that wants through. */
export interface Passenger {
  readonly demands: readonly RateDemand[]
  /** Lines take turns between these. */
  readonly group: string
  readonly signal: AbortSignal
}

/** An exchange that is through. */
export interface Passage {
  readonly kind: 'passed'
  /** Ends it: leaves its places, charges what it came to, and lets the next in line try. */
  readonly settle: (usedOf: UsedAmount) => Promise<void>
}

/** Why one was not let through: what was short when its time in line was over, or that there was no line to stand in. */
export interface Turned {
  readonly kind: 'turned-away'
  readonly shortage: RateShortage
  /** True where too many stood in line already. */
  readonly isLineFull: boolean
}

/** Other processes give places back without a word: the head of a line looks that often, at random so that not all look at once. */
const pollMillis = 250

/** Lets exchanges through as their limits allow, in line where a limit says so. Holds nothing for those who wait. */
export class Turnstile {
  readonly #clock: Clock
  readonly #random: () => number
  readonly #counters: RateCounters
  readonly #lines: WaitingLines

  constructor(clock: Clock, random: () => number, counters: RateCounters, lines: WaitingLines) {
    this.#clock = clock
    this.#random = random
    this.#counters = counters
    this.#lines = lines
  }

  /** @throws whatever the signal was aborted with; nothing is held then */
  async pass(passenger: Passenger): Promise<Passage | Turned> {
    const startedAt = this.#clock.now()
    let turn: Turn | undefined
    try {
      for (;;) {
        const shortage = (turn === undefined ? this.#othersWait(passenger.demands) : undefined) ?? (await this.#try(passenger))
        if (shortage === undefined) return this.#passage(passenger.demands)
        if (shortage.kind === 'unavailable') return this.#turnedAway(shortage)
        const { demand, retryAfterMillis } = shortage
        const deadlineAt = startedAt + demand.limit.queueMillis
        if (isPointless(retryAfterMillis, deadlineAt - this.#clock.now())) return this.#turnedAway(shortage)
        if (turn?.line !== demand.name) {
          turn?.leave()
          turn = this.#lines.join(demand.name, { group: passenger.group, signal: passenger.signal, deadlineAt })
          if (turn === undefined) return this.#turnedAway(shortage, true)
        }
        do await turn.wait(this.#retryIn(shortage))
        while (!turn.isAtHead() && this.#clock.now() < deadlineAt)
        if (this.#clock.now() >= deadlineAt) return this.#turnedAway(shortage)
      }
    } finally {
      turn?.leave()
    }
  }

  /** Who comes stands behind those who wait already. */
  #othersWait(demands: readonly RateDemand[]): RateShortage | undefined {
    for (const demand of demands) {
      const waiting = this.#lines.waiting(demand.name)
      if (waiting > 0) return { kind: 'short', demand, retryAfterMillis: undefined }
    }
    return undefined
  }

  async #try({ demands, signal }: Passenger): Promise<RateShortage | undefined> {
    signal.throwIfAborted()
    const shortage = await this.#counters.admit(demands)
    if (signal.aborted && shortage === undefined) await this.#counters.withdraw(demands)
    signal.throwIfAborted()
    return shortage
  }

  /** What stands in line comes first: where a wait is known, it is for one exchange alone. */
  #turnedAway(shortage: RateShortage, isLineFull = false): Turned {
    if (shortage.kind === 'unavailable' || isRoom(shortage.demand.limit)) return { kind: 'turned-away', shortage, isLineFull }
    const { limit, name } = shortage.demand
    const inLineMillis = limit.amount === 0 ? Infinity : Math.ceil((this.#lines.waiting(name) * limit.perMillis) / limit.amount)
    return { kind: 'turned-away', shortage: { ...shortage, retryAfterMillis: Math.max(shortage.retryAfterMillis ?? 0, inLineMillis) }, isLineFull }
  }

  #retryIn(shortage: RateShortage & { readonly kind: 'short' }): number | undefined {
    const { demand, retryAfterMillis } = shortage
    if (retryAfterMillis !== undefined) return Math.max(1, retryAfterMillis)
    // A place of this process is left with a call; those of sessions run out silently.
    const isTold = demand.limit.unit === 'concurrency' && countedIn(demand.limit) === 'local'
    return isTold ? undefined : Math.ceil(pollMillis * (0.5 + this.#random() / 2))
  }

  #passage(demands: readonly RateDemand[]): Passage {
    const extending = this.#keepPlaces(demands)
    return {
      kind: 'passed',
      settle: async (usedOf) => {
        await extending.stop()
        await this.#counters.settle(demands, usedOf)
      },
    }
  }

  /** Extends places in the store while their exchange lasts. One timer at a time; `stop` waits for an extension under way, which must not come after the leaving. */
  #keepPlaces(demands: readonly RateDemand[]): { readonly stop: () => Promise<void> } {
    if (!demands.some(({ limit }) => limit.unit === 'concurrency' && countedIn(limit) === 'shared')) return { stop: () => Promise.resolve() }
    let underWay: Promise<unknown> = Promise.resolve()
    let isOver = false
    let cancel = (): void => undefined
    const schedule = (): void => {
      cancel = this.#clock.after(placeMillis / 3, () => {
        underWay = this.#counters.extend(demands).then((isHeld) => {
          if (isHeld && !isOver) schedule()
        })
      })
    }
    schedule()
    return {
      stop: async () => {
        isOver = true
        cancel()
        await underWay
      },
    }
  }
}

/** Nobody is kept waiting for what cannot come in time. */
function isPointless(retryAfterMillis: number | undefined, leftMillis: number): boolean {
  return leftMillis <= 0 || (retryAfterMillis !== undefined && retryAfterMillis > leftMillis)
}
