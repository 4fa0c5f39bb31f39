import { memoryBudgetBook } from '@sluice/storage-memory'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Clock } from '../host.ts'
import type { BudgetBook } from '../ports/budget-book.ts'
import { manualClock, type ManualClock } from '../testing/manual-clock.ts'
import { leasedBudgetBook } from './leased-budget-book.ts'

const cap = 3_000n
const where = { account: 'team', bucket: 0, firstBucket: 0 }
const leaseMillis = 60_000
const returnMillis = 500

/** Something that happens, to one of the instances. */
type Step =
  | { readonly kind: 'reserve'; readonly instance: number; readonly amount: number; readonly count: number }
  | { readonly kind: 'settle'; readonly instance: number; readonly pick: number; readonly percent: number; readonly count: number }
  | { readonly kind: 'crash'; readonly instance: number }
  | { readonly kind: 'stop'; readonly instance: number }
  | { readonly kind: 'book-expired'; readonly instance: number }
  | { readonly kind: 'advance'; readonly millis: number }

interface Instance {
  readonly owner: string
  readonly book: BudgetBook
  readonly stop: () => Promise<void>
  isCrashed: boolean
}

interface ExchangeUnderWay {
  readonly id: string
  readonly instance: Instance
  readonly reserved: bigint
  isPending: boolean
}

/** The shared book, with what each hold has in it by id, and calls that take a while. */
function sharedBook(clock: Clock) {
  const book = memoryBudgetBook({ clock })
  const figures = new Map<string, { spent: bigint; held: bigint }>()
  const charge = (id: string, amount: bigint) => void figures.set(id, { spent: amount, held: 0n })
  return {
    book,
    /** What holds of an owner come to. */
    usedBy: (owner: string): bigint => [...figures].filter(([id]) => id.includes(`${owner} `)).reduce((sum, [, { spent, held }]) => sum + spent + held, 0n),
    of: (instance: () => Instance): BudgetBook => {
      /** A dead instance's calls never come back, nor arrive. */
      const call = async <Result>(run: () => Promise<Result>): Promise<Result> => {
        for (let turn = 0; turn < 3; turn += 1) await Promise.resolve()
        if (instance().isCrashed) return new Promise<Result>(() => undefined)
        const result = await run()
        for (let turn = 0; turn < 2; turn += 1) await Promise.resolve()
        return result
      }
      return {
        ...book,
        reserve: (reservation) =>
          call(async () => {
            const isNew = !figures.has(reservation.holdId)
            const result = await book.reserve(reservation)
            const held = reservation.claims.reduce((sum, { amount }) => sum + amount, 0n)
            if (isNew && result.isGranted) figures.set(reservation.holdId, { spent: 0n, held })
            return result
          }),
        draw: (draw) =>
          call(async () => {
            const isThere = await book.draw(draw)
            const [line] = draw.draws
            if (isThere && line !== undefined) figures.set(draw.holdId, { spent: line.amount, held: line.held })
            return isThere
          }),
        settle: (settlements) =>
          call(async () => {
            const told = await book.settle(settlements)
            for (const { holdId, charges } of settlements) charge(holdId, charges.reduce((sum, { amount }) => sum + amount, 0n)) // prettier-ignore
            return told
          }),
        bookExpired: (before, limit) =>
          call(async () => {
            const booked = await book.bookExpired(before, limit)
            for (const { holdId } of booked) {
              const { spent, held } = figures.get(holdId) ?? { spent: 0n, held: 0n }
              charge(holdId, spent + held)
            }
            return booked
          }),
        balances: (slots) => call(() => book.balances(slots)),
      }
    },
  }
}

type Open = (book: BudgetBook, clock: Clock, owner: string) => { readonly book: BudgetBook; readonly stop: () => Promise<void> }

const exact: Open = (book) => ({ book, stop: async () => undefined })
const leased: Open = (book, clock, owner) => {
  const opened = leasedBudgetBook({ book, clock, owner, leaseMillis, returnMillis, leasePercent: 5, nearLeases: 4, hotClaims: 0 })
  return { book: opened, stop: opened.stop }
}

/** Plays steps on instances over one book, checking after each; returns how it ended. */
async function play(open: Open, steps: readonly Step[], instances: number, isStrict: boolean) {
  const clock: ManualClock = manualClock(1_000_000)
  const shared = sharedBook(clock)
  let owners = 0
  let ids = 0
  const start = (): Instance => {
    const owner = `i${(owners += 1)}`
    let isCrashed = false
    const own: Clock = { now: clock.now, after: (millis, callback) => clock.after(millis, () => (isCrashed ? undefined : callback())) }
    const instance: Instance = {
      ...open(
        shared.of(() => instance),
        own,
        owner,
      ),
      owner,
      get isCrashed() {
        return isCrashed
      },
      set isCrashed(value) {
        isCrashed = value
      },
    }
    return instance
  }
  const live = Array.from({ length: instances }, start)
  /** Crashed or stopped, and another one started in its place. */
  const dead: Instance[] = []
  const underWay: ExchangeUnderWay[] = []
  const spentBy = new Map<Instance, bigint>()
  /** What exchanges of dead instances were reserved or came to, as far as anybody knows. */
  let spentTruth = 0n
  let heldAtCrashes = 0n
  let overrunSinceCap = 0n
  let granted = 0
  let refused = 0
  const pending = new Set<Promise<void>>()
  const watchers = new Set<() => void>()
  const wrong: string[] = []

  /** Room by the truth: what the living have spent and reserved, and what is left of the dead in the book. */
  const room = (except?: ExchangeUnderWay): bigint => {
    let used = 0n
    for (const instance of live) used += spentBy.get(instance) ?? 0n
    for (const exchange of underWay) if (exchange !== except && !exchange.instance.isCrashed) used += exchange.reserved
    for (const { owner } of dead) used += shared.usedBy(owner)
    return cap - used
  }
  const retire = (at: number, instance: Instance): void => {
    live[at] = start()
    dead.push(instance)
  }
  const check = async (): Promise<void> => {
    for (const watch of watchers) watch()
    const [{ spent, held } = { spent: 0n, held: 0n }] = await shared.book.balances([where])
    if (isStrict && spent + held > cap) wrong.push(`${spent} spent and ${held} held of ${cap}`)
    if (spent + held <= cap) overrunSinceCap = 0n
  }
  const reserve = (instance: Instance, amount: bigint): void => {
    const exchange: ExchangeUnderWay = { id: `${instance.owner} ${(ids += 1)}`, instance, reserved: amount, isPending: true }
    underWay.push(exchange)
    let most = room(exchange)
    const watch = () => void (most = most < room(exchange) ? most : room(exchange))
    watchers.add(watch)
    const ask = async (): Promise<void> => {
      const { isGranted } = await instance.book.reserve({ holdId: exchange.id, claims: [{ ...where, amount, cap }], expiresAt: clock.now() + 10 * leaseMillis })
      watchers.delete(watch)
      exchange.isPending = false
      if (isGranted) granted += 1
      else {
        refused += 1
        watch()
        underWay.splice(underWay.indexOf(exchange), 1)
        if (most >= amount) wrong.push(`refused ${amount} where ${most} was free all the time`)
      }
    }
    const asked: Promise<void> = ask().finally(() => pending.delete(asked))
    pending.add(asked)
  }
  const settle = async (exchange: ExchangeUnderWay, percent: number): Promise<void> => {
    underWay.splice(underWay.indexOf(exchange), 1)
    const { instance, id, reserved } = exchange
    const came = (reserved * BigInt(isStrict ? Math.min(100, percent) : percent)) / 100n
    if (came > reserved) overrunSinceCap += came - reserved
    spentTruth += came
    spentBy.set(instance, (spentBy.get(instance) ?? 0n) + came)
    const charges = came === 0n ? [] : [{ ...where, amount: came }]
    await instance.book.settle([{ holdId: id, charges }])
  }
  const ready = (instance: Instance): readonly ExchangeUnderWay[] => underWay.filter((exchange) => exchange.instance === instance && !exchange.isPending)

  for (const step of steps) {
    const at = 'instance' in step ? step.instance % live.length : 0
    const instance = live[at] as Instance
    if (step.kind === 'reserve') for (let count = 0; count < step.count; count += 1) reserve(instance, BigInt(step.amount))
    if (step.kind === 'settle') {
      const ends = ready(instance)
      const first = ends.length === 0 ? 0 : step.pick % ends.length
      await Promise.all(ends.slice(first, first + step.count).map((exchange) => settle(exchange, step.percent)))
    }
    if (step.kind === 'crash') {
      instance.isCrashed = true
      const [{ held } = { held: 0n }] = await shared.book.balances([where])
      heldAtCrashes += held
      for (const exchange of underWay.filter((one) => one.instance === instance)) underWay.splice(underWay.indexOf(exchange), 1)
      retire(at, instance)
    }
    if (step.kind === 'stop') {
      await clock.advanceAsync(returnMillis)
      await Promise.all(ready(instance).map((exchange) => settle(exchange, 100)))
      await instance.stop()
      retire(at, instance)
    }
    if (step.kind === 'book-expired') await instance.book.bookExpired(clock.now(), 3)
    await clock.advanceAsync(step.kind === 'advance' ? step.millis : 0)
    await check()
  }
  await clock.advanceAsync(2 * returnMillis)
  for (const instance of live) {
    await Promise.all(ready(instance).map((exchange) => settle(exchange, 100)))
    await instance.stop()
  }
  await clock.advanceAsync(20 * leaseMillis)
  while ((await shared.book.bookExpired(clock.now(), 5)).length > 0);
  await check()
  expect(wrong).toEqual([])
  const [{ spent, held } = { spent: 0n, held: 0n }] = await shared.book.balances([where])
  return {
    spent,
    held,
    spentTruth,
    heldAtCrashes,
    overrunSinceCap,
    granted,
    refused,
    pendingTimers: clock.pendingTimers,
    pending: pending.size,
    isCrashed: dead.some((instance) => instance.isCrashed),
  }
}

const instance = fc.nat({ max: 2 })
const amount = fc.oneof({ weight: 6, arbitrary: fc.integer({ min: 1, max: 70 }) }, { weight: 1, arbitrary: fc.integer({ min: 70, max: 600 }) })
const count = fc.oneof({ weight: 2, arbitrary: fc.integer({ min: 1, max: 4 }) }, { weight: 1, arbitrary: fc.integer({ min: 5, max: 40 }) })
const percent = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(0, 90, 100) }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 100 }) }, { weight: 1, arbitrary: fc.integer({ min: 100, max: 300 }) }) // prettier-ignore
const millis = fc.oneof({ weight: 12, arbitrary: fc.constantFrom(1, 100, 250, 600) }, { weight: 1, arbitrary: fc.constantFrom(5_000, 70_000) })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('reserve' as const), instance, amount, count }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('settle' as const), instance, pick: fc.nat(), percent, count }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('advance' as const), millis }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('book-expired' as const), instance }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('stop' as const), instance }) },
)
const crash: fc.Arbitrary<Step> = fc.record({ kind: fc.constant('crash' as const), instance })
const steps = fc.array(step, { minLength: 5, maxLength: 60 })
const stepsWithCrashes = fc.array(fc.oneof({ weight: 20, arbitrary: step }, { weight: 1, arbitrary: crash }), { minLength: 5, maxLength: 60 })

const runs = { numRuns: 60 }

for (const [how, open] of Object.entries({ exactly: exact, 'from leases': leased })) {
  test(
    `G1, R16: asked ${how}, a strict budget is never overshot, nobody is refused who has room, and all that was spent is counted, once`,
    { timeout: 60_000 },
    async () => {
      await fc.assert(
        fc.asyncProperty(steps, fc.integer({ min: 1, max: 3 }), async (plan, instances) => {
          const { spent, held, spentTruth, pending, pendingTimers } = await play(open, plan, instances, true)
          expect([spent, held]).toEqual([spentTruth, 0n])
          expect(spent <= cap).toBe(true)
          expect([pending, pendingTimers]).toEqual([0, 0])
        }),
        runs,
      )
    },
  )

  test(`G1: asked ${how}, the cap is overshot by no more than what exchanges under way came to above their reservations`, { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 1, max: 3 }), async (plan, instances) => {
        const { spent, held, spentTruth, overrunSinceCap } = await play(open, plan, instances, false)
        expect([spent, held]).toEqual([spentTruth, 0n])
        expect(spent - cap <= overrunSinceCap).toBe(true)
      }),
      runs,
    )
  })

  test(`G2, R16: asked ${how}, after crashes nothing stays held, nothing spent is lost, and no more is booked than was held`, { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(stepsWithCrashes, fc.integer({ min: 1, max: 3 }), fc.boolean(), async (plan, instances, isStrict) => {
        const { spent, held, spentTruth, heldAtCrashes, overrunSinceCap, isCrashed } = await play(open, plan, instances, isStrict)
        expect(held).toBe(0n)
        expect(spent >= spentTruth).toBe(true)
        expect(spent - spentTruth <= heldAtCrashes).toBe(true)
        if (!isCrashed) expect(spent).toBe(spentTruth)
        expect(spent - cap <= overrunSinceCap).toBe(true)
      }),
      runs,
    )
  })
}

test('the simulation refuses and grants, so that it says something', async () => {
  const rounds: Step[] = Array.from({ length: 40 }, (_, index) => [
    { kind: 'reserve', instance: index, amount: 40, count: 20 } as const,
    { kind: 'settle', instance: index, pick: 0, percent: 100, count: 20 } as const,
    { kind: 'advance', millis: 250 } as const,
  ]).flat()
  const { granted, refused, spent } = await play(leased, rounds, 3, true)
  expect([granted, refused, spent]).toEqual([75, 725, cap])
})
