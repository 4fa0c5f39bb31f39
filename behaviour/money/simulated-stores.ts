import type { BudgetBook, Ledger, LedgerEntry, ProvisionalEntries } from '@sluice/core'

/** Whole numbers and chances from a seed: the same history again, whenever it is asked for. */
export interface Chance {
  /** From 0 up to, and without, `below`. */
  readonly below: (below: number) => number
  /** True in so many of a hundred cases. */
  readonly percent: (percent: number) => boolean
  readonly oneOf: <Item>(items: readonly Item[]) => Item
}

export function chance(seed: number): Chance {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number): number => Math.floor(next() * limit)
  return { below, percent: (percent) => next() * 100 < percent, oneOf: (items) => items[below(items.length)] as (typeof items)[number] }
}

/** A ledger that outlives its gateways, in as few words as its contract takes. */
export interface SimulatedLedger extends Ledger {
  readonly provisional: ProvisionalEntries
  readonly kept: ReadonlyMap<string, { readonly entry: LedgerEntry; readonly isRecovered: boolean }>
  readonly opened: ReadonlyMap<string, { readonly entry: LedgerEntry; readonly owner: string }>
}

export function simulatedLedger(): SimulatedLedger {
  const kept = new Map<string, { entry: LedgerEntry; isRecovered: boolean }>()
  const opened = new Map<string, { entry: LedgerEntry; owner: string }>()
  const aliveUntil = new Map<string, number>()
  return {
    kept,
    opened,
    append: async (entry) => {
      if (kept.get(entry.exchangeId)?.isRecovered !== false) kept.set(entry.exchangeId, { entry, isRecovered: false })
      opened.delete(entry.exchangeId)
    },
    report: async () => [],
    exchanges: async () => [...kept.values()].map(({ entry }) => entry),
    provisional: {
      open: async (entry, owner) => {
        if (!kept.has(entry.exchangeId) && !opened.has(entry.exchangeId)) opened.set(entry.exchangeId, { entry, owner })
      },
      keepAlive: async (owner, until) => void aliveUntil.set(owner, until),
      recover: async (at, limit) => {
        const found = [...opened.values()].filter(({ owner }) => (aliveUntil.get(owner) ?? 0) <= at).slice(0, limit)
        for (const { entry } of found) {
          opened.delete(entry.exchangeId)
          kept.set(entry.exchangeId, { entry, isRecovered: true })
        }
        return found.map(({ entry }) => entry)
      },
    },
  }
}

/** How a process reaches its stores: what may go wrong on the way, and whether the process still lives. */
export interface Wire {
  readonly chance: Chance
  /** So many of a hundred calls go wrong. */
  readonly troublePercent: () => number
  readonly isAlive: () => boolean
  readonly after: (millis: number, callback: () => void) => void
}

const never: Promise<never> = new Promise(() => undefined)

/** One call over the wire: done and answered; or refused, or done and not answered, or not done and not answered, or late. The dead ask nothing and hear nothing. */
async function over<Answer>({ chance: { percent, oneOf, below }, troublePercent, isAlive, after }: Wire, call: () => Promise<Answer>): Promise<Answer> {
  if (!isAlive()) return never
  const trouble = percent(troublePercent()) ? oneOf(['refused', 'answer-lost', 'hangs', 'hangs-done', 'late'] as const) : undefined
  if (trouble === 'refused') throw new Error('the store refused')
  if (trouble === 'hangs') return never
  // What is on its way when its process dies arrives all the same.
  if (trouble === 'late') await new Promise<void>((resolve) => after(below(12_000), resolve))
  const answer = await call()
  if (!isAlive() || trouble === 'hangs-done') return never
  if (trouble === 'answer-lost') throw new Error('the connection broke')
  return answer
}

export function ledgerOver(wire: Wire, { append, report, exchanges, provisional }: SimulatedLedger): Ledger {
  return {
    append: (entry) => over(wire, () => append(entry)),
    report,
    exchanges,
    provisional: {
      open: (entry, owner) => over(wire, () => provisional.open(entry, owner)),
      keepAlive: (owner, until) => over(wire, () => provisional.keepAlive(owner, until)),
      recover: (at, limit) => over(wire, () => provisional.recover(at, limit)),
    },
  }
}

export function bookOver(wire: Wire, book: BudgetBook): BudgetBook {
  return {
    ...book,
    reserve: (reservation) => over(wire, () => book.reserve(reservation)),
    settle: (settlements) => over(wire, () => book.settle(settlements)),
    draw: (draw) => over(wire, () => book.draw(draw)),
    bookExpired: (before, limit) => over(wire, () => book.bookExpired(before, limit)),
    balances: (slots) => over(wire, () => book.balances(slots)),
    claimThreshold: (account, bucket, percent) => over(wire, () => book.claimThreshold(account, bucket, percent)),
    budgets: () => over(wire, () => book.budgets()),
    prune: (before) => over(wire, () => book.prune(before)),
  }
}
