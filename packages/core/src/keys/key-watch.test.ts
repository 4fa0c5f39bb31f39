import { describe, expect, test } from 'vitest'
import { keyBench, keyStore } from '../../test/key-bench.ts'
import { manualClock } from '../testing/manual-clock.ts'

/** A key that is let in by one replica, and another replica to revoke it. */
async function letIn() {
  const store = keyStore()
  const clock = manualClock()
  const here = keyBench({}, store, clock)
  const there = keyBench({}, store, clock)
  const { record, key } = await here.issue()
  const principal = await here.keys.verify(key)
  if (principal === undefined) throw new Error('not let in')
  const withdrawn: string[] = []
  return { store, clock, here, there, record, key, principal, withdrawn }
}

describe('watching a key', () => {
  test('calls back once, within cacheMillis, when another replica revokes it as leaked', async () => {
    const { clock, here, there, record, principal, withdrawn } = await letIn()
    const ends = ['a', 'b'].map((name) => here.keys.watch(principal, () => void withdrawn.push(name)))
    await clock.advanceAsync(12_000)
    expect(withdrawn).toEqual([])
    await there.keys.revoke(record.id, { reason: 'found on the web', isLeaked: true })
    await clock.advanceAsync(5_000)
    expect(withdrawn).toEqual(['a', 'b'])
    expect(clock.pendingTimers).toBe(0)
    for (const end of ends) end()
    await clock.advanceAsync(60_000)
    expect(withdrawn).toHaveLength(2)
  })

  test('calls back when a revocation turns out to be a leak later, and not for one that is none', async () => {
    const { clock, here, there, record, principal, withdrawn } = await letIn()
    here.keys.watch(principal, () => void withdrawn.push('a'))
    await there.keys.revoke(record.id, { reason: 'left', isLeaked: false })
    await clock.advanceAsync(30_000)
    expect(withdrawn).toEqual([])
    await there.keys.revoke(record.id, { reason: 'leaked after all', isLeaked: true })
    await clock.advanceAsync(5_000)
    expect(withdrawn).toEqual(['a'])
  })

  test('calls back at once for a revocation of this process, also right after the key was let in', async () => {
    const { clock, here, record, principal, withdrawn } = await letIn()
    here.keys.watch(principal, () => void withdrawn.push('a'))
    await here.keys.revoke(record.id, { reason: 'x', isLeaked: true })
    expect(withdrawn).toEqual(['a'])
    here.keys.watch(principal, () => void withdrawn.push('b'))
    await Promise.resolve()
    expect(withdrawn).toEqual(['a', 'b'])
    expect(clock.pendingTimers).toBe(0)
  })

  test('looks nothing up and sets no timer while nothing is watched, and one timer for any number', async () => {
    const { store, clock, here, principal } = await letIn()
    const before = store.lookUps.length
    await clock.advanceAsync(60_000)
    expect([store.lookUps.length - before, clock.pendingTimers]).toEqual([0, 0])
    const ends = Array.from({ length: 1_000 }, () => here.keys.watch(principal, () => undefined))
    expect(clock.pendingTimers).toBe(1)
    await clock.advanceAsync(10_000)
    expect(store.lookUps.length - before).toBe(2)
    for (const end of ends) {
      end()
      end()
    }
    expect(clock.pendingTimers).toBe(0)
    await clock.advanceAsync(60_000)
    expect(store.lookUps.length - before).toBe(2)
  })

  test('goes on through an outage with one look-up at a time, and calls back after it', async () => {
    const { store, clock, here, there, record, principal, withdrawn } = await letIn()
    for (let index = 0; index < 40; index += 1) here.keys.watch({ ...principal, keyId: (await here.issue()).record.id }, () => undefined)
    here.keys.watch(principal, () => void withdrawn.push('a'))
    await there.keys.revoke(record.id, { reason: 'x', isLeaked: true })
    store.mode = 'hangs'
    const before = store.lookUps.length
    await clock.advanceAsync(60_000)
    expect([withdrawn, store.lookUps.length - before < 60]).toEqual([[], true])
    store.mode = 'answers'
    await clock.advanceAsync(15_000)
    expect(withdrawn).toEqual(['a'])
    expect(here.faults.map(({ code }) => code)).toEqual(['key-ring-failed', 'key-ring-recovered'])
  })

  test('a callback that throws is told, and keeps nobody else from being called', async () => {
    const { here, record, principal, withdrawn } = await letIn()
    here.keys.watch(principal, () => {
      throw new Error('no')
    })
    here.keys.watch(principal, () => void withdrawn.push('b'))
    await here.keys.revoke(record.id, { reason: 'x', isLeaked: true })
    expect([withdrawn, here.faults.map(({ source }) => source)]).toEqual([['b'], ['virtualKeys.watch']])
  })
})
