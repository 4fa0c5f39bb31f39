import type { Fault } from '../errors.ts'
import { systemClock, type Clock } from '../host.ts'
import type { BudgetBook } from '../ports/budget-book.ts'
import type { Ledger } from '../ports/ledger.ts'
import type { RateBook } from '../ports/rate-book.ts'

/** What {@link upkeep} looks after. */
export interface UpkeepOptions {
  readonly ledger?: Ledger
  readonly budgets?: BudgetBook
  readonly rates?: RateBook
  /** Further work of a store, such as partitions made ahead. */
  readonly maintain?: (now: number) => Promise<unknown>
  /** @defaultValue systemClock */
  readonly clock?: Clock
  /** Time between two rounds. @defaultValue 30000 */
  readonly everyMillis?: number
  /** A call of a store that takes longer has failed, and is made again in a later round. @defaultValue 120000 */
  readonly answerMillis?: number
  /** Holds that ended so long ago are forgotten, and with them that they must not count twice. @defaultValue 172800000 */
  readonly keepHoldsMillis?: number
  /** @defaultValue faults are dropped */
  readonly onFault?: (fault: Fault) => void
}

export const defaultUpkeepOptions: { readonly everyMillis: number; readonly answerMillis: number; readonly keepHoldsMillis: number } = Object.freeze({
  everyMillis: 30_000,
  answerMillis: 120_000,
  keepHoldsMillis: 48 * 3_600_000,
})

/** Work that no exchange should wait for. */
export interface Upkeep {
  /** One round now, beside those by the clock. Never rejects. Resolves with how many abandoned exchanges and expired holds it booked. */
  readonly run: () => Promise<{ readonly exchanges: number; readonly holds: number }>
  /** Ends the rounds; resolves when one under way is over, or its store has not answered for two seconds more. Idempotent. */
  readonly stop: () => Promise<void>
}

/** Most entries or holds booked at one call of a store. */
const batch = 500
/** How long a store may take for its last answer. */
const lastAnswerMillis = 2_000

/**
 * Looks after stores, at once and then every so often: books what crashed gateways left under way, books holds that expired, forgets what is over.
 * To be run by each replica; the stores see to it that each thing is done once. Keeps no process alive.
 */
export function upkeep(options: UpkeepOptions): Upkeep {
  const { ledger, budgets, rates, maintain, clock = systemClock, onFault } = options
  const { everyMillis, answerMillis, keepHoldsMillis } = { ...defaultUpkeepOptions, ...options }
  let underWay: Promise<{ exchanges: number; holds: number }> | undefined
  let cancel: (() => void) | undefined
  let isStopped = false
  const failing = new Set<string>()
  const giveUps = new Set<(cause: Error) => void>()

  const inTime = async <Answer>(ask: () => Promise<Answer> | undefined): Promise<Answer | undefined> => {
    const late = Promise.withResolvers<never>()
    const cancel = clock.after(answerMillis, () => late.reject(new Error(`no answer within ${answerMillis} ms`)))
    giveUps.add(late.reject)
    try {
      return await Promise.race([ask(), late.promise])
    } finally {
      cancel()
      giveUps.delete(late.reject)
    }
  }
  /** Calls until a call finds less than it may. */
  const allOf = async (book: (limit: number) => Promise<readonly unknown[]> | undefined): Promise<number> => {
    for (let total = 0; ;) {
      const found = (await inTime(() => book(batch)))?.length ?? 0
      total += found
      if (found < batch || isStopped) return total
    }
  }
  const none = async (work: () => Promise<unknown> | undefined): Promise<number> => {
    await inTime(work)
    return 0
  }

  /** A store's trouble is told once, and stops no other. */
  const attempt = async (what: string, work: () => Promise<number>): Promise<number> => {
    if (isStopped) return 0
    try {
      const count = await work()
      failing.delete(what)
      return count
    } catch (cause) {
      if (!failing.has(what)) onFault?.({ code: 'upkeep-failed', message: `${what} failed, and is tried again`, source: 'upkeep', cause })
      failing.add(what)
      return 0
    }
  }
  const round = async (): Promise<{ exchanges: number; holds: number }> => {
    const now = clock.now()
    const exchanges = await attempt('booking what crashed gateways left', () => allOf((limit) => ledger?.provisional?.recover(now, limit)))
    const holds = await attempt('booking expired holds', () => allOf((limit) => budgets?.bookExpired(now, limit)))
    await attempt('forgetting old holds', () => none(() => budgets?.prune(now - keepHoldsMillis)))
    await attempt('forgetting old rates', () => none(() => rates?.prune(now - keepHoldsMillis)))
    await attempt('maintenance of the store', () => none(() => maintain?.(now)))
    return { exchanges, holds }
  }
  const run = (): ReturnType<typeof round> => {
    underWay ??= round().finally(() => {
      underWay = undefined
    })
    return underWay
  }
  const next = (): void => {
    void run().then(() => {
      if (!isStopped) cancel = clock.after(everyMillis, next)
    })
  }
  next()
  return {
    run,
    stop: async () => {
      isStopped = true
      cancel?.()
      const stopWaiting = clock.after(lastAnswerMillis, () => {
        for (const giveUp of giveUps) giveUp(new Error('the store did not answer before the end'))
      })
      await underWay
      stopWaiting()
    },
  }
}
