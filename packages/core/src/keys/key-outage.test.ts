import { describe, expect, test } from 'vitest'
import { keyBench, moved, seededRandom } from '../../test/key-bench.ts'

const minute = 60_000
const unavailable = 'This gateway cannot check keys at the moment. Nothing is wrong with yours; try again shortly.'

describe.each(['fails', 'hangs'] as const)('when the key store %s', (mode) => {
  test('a key in use is taken as last known for fifteen minutes, then refused with 503 and never with 401', async () => {
    const { store, clock, keys, issue } = keyBench()
    const { key } = await issue()
    await keys.verify(key)
    store.mode = mode
    for (let waited = 0; waited < 900_000 - minute; waited += minute) {
      clock.advance(minute)
      expect((await moved(clock, keys.verify(key)))?.developer).toBe('ada')
    }
    clock.advance(minute)
    await expect(moved(clock, keys.verify(key))).rejects.toMatchObject({
      code: 'keys-unavailable',
      status: 503,
      shouldRetry: true,
      retryAfterSeconds: 1,
      message: unavailable,
    })
  })

  test('a key that is not known is refused with 503 and never with 401', async () => {
    const { store, clock, keys, issue } = keyBench()
    const { key, jwt } = await issue()
    store.mode = mode
    for (const credential of [key, jwt, key]) {
      await expect(moved(clock, keys.verify(credential))).rejects.toMatchObject({ status: 503, code: 'keys-unavailable' })
    }
  })

  test('a secret that is not known of a key in use is refused with 503 too: it may have been rotated meanwhile', async () => {
    const { store, clock, keys, issue, verdict } = keyBench()
    const { key, record } = await issue()
    await verdict(key)
    const other = keyBench({ random: seededRandom(5) }, store, clock)
    const { key: rotated, jwt } = (await other.keys.rotate(record.id, { overlapMillis: minute })) as { key: string; jwt: string }
    store.mode = mode
    for (let waited = 0; waited < 5; waited += 1) {
      clock.advance(1_000 + waited * 10_000)
      for (const credential of [rotated, jwt, rotated]) {
        await expect(moved(clock, keys.verify(credential))).rejects.toMatchObject({ status: 503, code: 'keys-unavailable' })
      }
    }
  })

  test('what is known of a key still holds: expired, rotated and revoked ones are refused', async () => {
    const { store, clock, keys, issue, verdict } = keyBench()
    const expiring = await issue({ expiresAt: clock.now() + minute })
    const revoked = await issue()
    await verdict(expiring.key)
    await verdict(revoked.key)
    await keys.revoke(revoked.record.id, { reason: 'x', isLeaked: false })
    store.mode = mode
    clock.advance(minute)
    const answers = Promise.all([verdict(expiring.key), verdict(revoked.key)])
    expect(await moved(clock, answers)).toEqual([expect.stringContaining('expired'), expect.stringContaining('was revoked')])
  })

  test('its operator is told once, and once more when it is back, within a second of the first look-up that can know', async () => {
    const { store, clock, keys, faults, issue, verdict } = keyBench()
    const { key, record } = await issue()
    await verdict(key)
    store.mode = mode
    clock.advance(minute)
    for (let turn = 0; turn < 50; turn += 1) {
      expect(await moved(clock, verdict(key))).toBe('ada')
      await clock.advanceAsync(2_100)
    }
    expect(faults.map(({ code, source }) => [code, source])).toEqual([['key-ring-failed', 'virtualKeys']])
    store.mode = 'answers'
    await store.ring.revoke(record.id, { at: clock.now(), reason: 'x', isLeaked: false })
    await clock.advanceAsync(3_000)
    await moved(clock, verdict(key))
    expect(await moved(clock, verdict(key))).toContain('was revoked')
    expect(faults.map(({ code }) => code)).toEqual(['key-ring-failed', 'key-ring-recovered'])
    expect(keys.mask(key)).toContain(record.id)
    expect(clock.pendingTimers).toBe(0)
  })

  test('only one look-up at a time asks whether it is back, and known keys do not wait for it', async () => {
    const { store, clock, issue, verdict } = keyBench()
    const issued = await Promise.all(Array.from({ length: 20 }, () => issue()))
    for (const { key } of issued) await verdict(key)
    store.mode = mode
    clock.advance(minute)
    await moved(clock, Promise.all(issued.map(({ key }) => verdict(key))))
    const before = store.lookUps.length
    for (let turn = 0; turn < 50; turn += 1) {
      for (const { key } of issued) expect(await verdict(key)).toBe('ada')
      await clock.advanceAsync(100)
    }
    expect(store.lookUps.length - before).toBeLessThanOrEqual(10)
  })
})

test('one look-up that hangs while others are answered is no outage', async () => {
  const { store, clock, faults, issue, verdict } = keyBench()
  const [slow, quick] = [await issue(), await issue()]
  store.mode = 'hangs'
  const hanging = verdict(slow.key)
  await clock.advanceAsync(1)
  store.mode = 'answers'
  expect(await verdict(quick.key)).toBe('ada')
  await clock.advanceAsync(2_000)
  expect(await hanging).toBe(unavailable)
  expect(await verdict(slow.key)).toBe('ada')
  expect(faults).toEqual([])
})

test('a scope tree that fails is an outage too', async () => {
  const { store, issue, faults, keys } = keyBench()
  const { key } = await issue()
  const failing = keyBench({ scopes: { ...store.scopes, lineage: () => Promise.reject(new Error('no')) } }, store)
  await expect(failing.keys.verify(key)).rejects.toMatchObject({ status: 503 })
  expect([failing.faults.length, faults.length]).toEqual([1, 0])
  expect(await keys.verify(key)).toBeDefined()
})

test('a store that throws instead of rejecting is out, and an ear that throws does not matter', async () => {
  const { store, issue } = keyBench()
  const { key } = await issue()
  const find = (): never => {
    throw new Error('not connected')
  }
  const onFault = (): never => {
    throw new Error('deaf')
  }
  const { keys } = keyBench({ ring: { ...store.ring, find }, onFault }, store)
  await expect(keys.verify(key)).rejects.toMatchObject({ status: 503 })
})
