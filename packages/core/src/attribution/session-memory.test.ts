import { expect, test } from 'vitest'
import { manualClock } from '../testing/manual-clock.ts'
import { maxWaiters, SessionMemory } from './session-memory.ts'

const known = (label: string) => ({ label, path: `/srv/${label}` })

test('the least recently used session is forgotten first', () => {
  const memory = new SessionMemory(2, manualClock())
  memory.remember('a', known('one'))
  memory.remember('b', known('two'))
  memory.recall('a')
  memory.remember('c', known('three'))
  expect([memory.size, memory.recall('a')?.label, memory.recall('b'), memory.recall('c')?.label]).toEqual([2, 'one', undefined, 'three'])
})

test('everyone who waits for a session is told at once, and no timer is left behind', async () => {
  const clock = manualClock()
  const memory = new SessionMemory(10, clock)
  const waiting = Promise.all([memory.await('a', 2000), memory.await('a', 2000)])
  memory.remember('b', known('other'))
  expect(clock.pendingTimers).toBe(2)
  memory.remember('a', known('one'))
  expect((await waiting).map((session) => session?.label)).toEqual(['one', 'one'])
  expect(clock.pendingTimers).toBe(0)
})

test('waiting ends when its time is up', async () => {
  const clock = manualClock()
  const memory = new SessionMemory(10, clock)
  const waiting = memory.await('a', 2000)
  await clock.advanceAsync(1999)
  expect(clock.pendingTimers).toBe(1)
  await clock.advanceAsync(1)
  expect(await waiting).toBeUndefined()
})

test('beyond the bound nobody more waits', async () => {
  const clock = manualClock()
  const memory = new SessionMemory(10, clock)
  const waiting = Array.from({ length: maxWaiters }, (_, index) => memory.await(`s${index}`, 2000))
  expect(await memory.await('one-more', 2000)).toBeUndefined()
  expect(clock.pendingTimers).toBe(maxWaiters)
  clock.advance(2000)
  expect(await Promise.all(waiting)).toHaveLength(maxWaiters)
  void memory.await('again', 2000)
  expect(clock.pendingTimers).toBe(1)
})
