import { expect, test } from 'vitest'
import { manualClock } from './manual-clock.ts'

test('timers fire in order of time, then of setting, each at its own instant', () => {
  const clock = manualClock(1_000)
  const fired: string[] = []
  clock.after(20, () => fired.push(`late ${clock.now()}`))
  clock.after(10, () => {
    fired.push(`early ${clock.now()}`)
    clock.after(5, () => fired.push(`set meanwhile ${clock.now()}`))
  })
  clock.after(20, () => fired.push(`late too ${clock.now()}`))
  const cancel = clock.after(11, () => fired.push('cancelled'))
  cancel()
  clock.advance(9)
  expect(fired).toEqual([])
  clock.advance(11)
  expect(fired).toEqual(['early 1010', 'set meanwhile 1015', 'late 1020', 'late too 1020'])
  expect([clock.now(), clock.pendingTimers]).toEqual([1_020, 0])
})

test('code that awaits between its timers keeps pace with advanceAsync', async () => {
  const clock = manualClock(0)
  const ticks: number[] = []
  const loop = (async () => {
    for (let turn = 0; turn < 3; turn += 1) {
      await new Promise<void>((resolve) => clock.after(10, resolve))
      await Promise.resolve()
      ticks.push(clock.now())
    }
  })()
  await clock.advanceAsync(35)
  await loop
  expect(ticks).toEqual([10, 20, 30])
  expect(clock.now()).toBe(35)
})
