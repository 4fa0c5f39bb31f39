import fc from 'fast-check'
import { expect, test } from 'vitest'
import { manualClock } from '../testing/manual-clock.ts'
import { rateLimitOf } from './check-limit.ts'
import { StoreGuard } from './store-guard.ts'
import { RateCounters } from './rate-counters.ts'
import { Turnstile } from './turnstile.ts'
import { WaitingLines } from './waiting-lines.ts'

interface Guest {
  readonly group: number
  readonly arrivesAfter: number
  readonly staysMillis: number
  /** Leaves the line after so long, where it does. */
  readonly patienceMillis: number | undefined
  /** Also asks for the second, smaller room. */
  readonly wantsBoth: boolean
}

const guests: fc.Arbitrary<readonly Guest[]> = fc.array(
  fc.record({
    group: fc.nat({ max: 3 }),
    arrivesAfter: fc.nat({ max: 60 }),
    staysMillis: fc.integer({ min: 1, max: 300 }),
    patienceMillis: fc.option(fc.integer({ min: 1, max: 400 }), { nil: undefined }),
    wantsBoth: fc.boolean(),
  }),
  { minLength: 1, maxLength: 40 },
)

test('G5: whoever comes, stays and gives up when they like, never are too many inside, all who are patient get in, in order within their group, and nothing stays behind', async () => {
  await fc.assert(
    fc.asyncProperty(guests, async (coming) => {
      const clock = manualClock()
      const lines = new WaitingLines(clock, 1_000)
      const guard = new StoreGuard(clock, () => undefined)
      const counters = new RateCounters({ clock, guard, book: undefined, whenUnavailable: 'allow', onFree: (name) => lines.wake(name) })
      const turnstile = new Turnstile(clock, () => 1, counters, lines)
      const limit = (id: string, amount: number) =>
        rateLimitOf({ id, subject: { model: '*' }, unit: 'concurrency', amount, consistency: 'local', queueMillis: 600_000 })
      const [large, small] = [limit('large', 4), limit('small', 2)]
      const inside = { large: 0, small: 0 }
      const entered: { readonly index: number; readonly group: number }[] = []
      const visit = async (guest: Guest, index: number): Promise<void> => {
        const client = new AbortController()
        const cancel = guest.patienceMillis === undefined ? () => undefined : clock.after(guest.patienceMillis, () => client.abort(new Error('gave up')))
        const demands = (guest.wantsBoth ? [large, small] : [large]).map((one) => ({ limit: one, name: one.id, holder: `guest ${index}` }))
        const passage = await turnstile.pass({ demands, group: `${guest.group} ${guest.wantsBoth}`, signal: client.signal }).catch(() => undefined)
        cancel()
        if (passage?.kind !== 'passed') return expect(guest.patienceMillis).toBeDefined()
        entered.push({ index, group: guest.group * 2 + Number(guest.wantsBoth) })
        inside.large += 1
        inside.small += Number(guest.wantsBoth)
        expect(inside.large <= 4 && inside.small <= 2).toBe(true)
        await new Promise<void>((resolve) => void clock.after(guest.staysMillis, resolve))
        inside.large -= 1
        inside.small -= Number(guest.wantsBoth)
        await passage.settle(() => 1)
        return undefined
      }
      const visits: Promise<unknown>[] = []
      for (const [index, guest] of coming.entries()) {
        await clock.advanceAsync(guest.arrivesAfter)
        visits.push(visit(guest, index))
      }
      await clock.advanceAsync(20_000)
      await Promise.all(visits)
      for (const group of new Set(entered.map((one) => one.group))) {
        const order = entered.filter((one) => one.group === group && coming[one.index]?.wantsBoth === false).map(({ index }) => index)
        expect(order).toEqual(order.toSorted((left, right) => left - right))
      }
      expect([lines.size, clock.pendingTimers]).toEqual([0, 0])
      expect(
        await counters.admit([1, 2, 3, 4].map((holder) => ({ limit: { ...large, id: `${holder}` }, name: 'large', holder: `after ${holder}` }))),
      ).toBeUndefined()
    }),
    { numRuns: 40 },
  )
})
