import { fc, test } from '@fast-check/vitest'
import { expect, test as once } from 'vitest'
import { RetryQueue } from './retry-queue.ts'
import { manualClock } from './testing/manual-clock.ts'

function queueOf(deliver: (items: readonly number[]) => Promise<void>, maxItems = 1_000) {
  const clock = manualClock()
  const told: string[] = []
  const queue = new RetryQueue<number>({
    deliver,
    clock,
    maxItems,
    maxBatch: 7,
    firstDelayMillis: 100,
    maxDelayMillis: 1_000,
    onOutage: () => told.push('out'),
    onRecovery: () => told.push('back'),
    onLost: (item, lost) => told.push(`lost ${item}, ${lost} in all`),
  })
  return { clock, told, queue }
}

test.prop([
  fc.array(fc.record({ fails: fc.boolean(), pushes: fc.integer({ min: 0, max: 20 }), waitMillis: fc.integer({ min: 0, max: 1_500 }) }), { maxLength: 30 }),
])('whatever fails and whenever, every item is delivered, in order, and outages and recoveries alternate', async (steps) => {
  const delivered: number[] = []
  let isOut = false
  const { clock, told, queue } = queueOf((items) => {
    if (isOut) return Promise.reject(new Error('out'))
    delivered.push(...items)
    return Promise.resolve()
  })
  let next = 0
  const pushed: Promise<void>[] = []
  for (const { fails, pushes, waitMillis } of steps) {
    isOut = fails
    for (let count = 0; count < pushes; count += 1) pushed.push(queue.push((next += 1)))
    await clock.advanceAsync(waitMillis)
  }
  isOut = false
  await clock.advanceAsync(5_000)
  await Promise.all(pushed)
  expect(delivered).toEqual(Array.from({ length: next }, (_, index) => index + 1))
  expect(told).toEqual(told.map((_, index) => (index % 2 === 0 ? 'out' : 'back')))
  expect([queue.size, queue.isFailing, clock.pendingTimers]).toEqual([0, false, 0])
})

once('what is pushed in one turn goes in one delivery, and its promise resolves when it is delivered', async () => {
  const batches: number[][] = []
  const gate = Promise.withResolvers<void>()
  const { queue } = queueOf(async (items) => {
    batches.push([...items])
    await gate.promise
  })
  let isDone = false
  const pushes = [1, 2, 3].map((item) => queue.push(item))
  void Promise.all(pushes).then(() => (isDone = true))
  await new Promise((resolve) => setTimeout(resolve, 0))
  expect([batches, isDone]).toEqual([[[1, 2, 3]], false])
  gate.resolve()
  await Promise.all(pushes)
})

once('a full queue drops the newest, says how many are lost, and keeps the others', async () => {
  let isOut = true
  const delivered: number[] = []
  const { clock, told, queue } = queueOf((items) => {
    if (isOut) return Promise.reject(new Error('out'))
    delivered.push(...items)
    return Promise.resolve()
  }, 2)
  for (const item of [1, 2, 3, 4]) await queue.push(item)
  expect([queue.lost, told]).toEqual([2, ['out', 'lost 3, 1 in all', 'lost 4, 2 in all']])
  isOut = false
  await clock.advanceAsync(1_000)
  expect(delivered).toEqual([1, 2])
})

once('flush tries at once, and says how many still wait', async () => {
  let isOut = true
  const { queue, clock } = queueOf(() => (isOut ? Promise.reject(new Error('out')) : Promise.resolve()))
  await queue.push(1)
  expect(await queue.flush()).toBe(1)
  isOut = false
  expect(await queue.flush()).toBe(0)
  expect(clock.pendingTimers).toBe(0)
})

once('R23 a delivery that hangs has failed after a while: nobody waits for it any longer, and it is made again', async () => {
  let hangs = true
  const late = Promise.withResolvers<void>()
  const delivered: number[] = []
  const { queue, clock, told } = queueOf((items) => {
    if (hangs) return late.promise
    delivered.push(...items)
    return Promise.resolve()
  })
  let isDone = false
  void queue.push(1).then(() => (isDone = true))
  const flushing = queue.flush()
  await clock.advanceAsync(4_999)
  expect([isDone, told]).toEqual([false, []])
  await clock.advanceAsync(10_001)
  expect([isDone, told, await flushing]).toEqual([true, ['out'], 1])
  hangs = false
  await clock.advanceAsync(5_000)
  expect([delivered, told, queue.size, clock.pendingTimers]).toEqual([[1], ['out', 'back'], 0, 0])
})

once('a delivery that was given up and succeeds after all counts, and what came since is delivered too', async () => {
  const late = Promise.withResolvers<void>()
  const batches: number[][] = []
  const { queue, clock } = queueOf((items) => {
    batches.push([...items])
    return batches.length === 1 ? late.promise : Promise.resolve()
  })
  void queue.push(1)
  await clock.advanceAsync(5_000)
  void queue.push(2)
  late.resolve()
  await clock.advanceAsync(1_000)
  expect([batches, queue.size]).toEqual([[[1], [2]], 0])
})

once('J an item that the store refuses lets all others pass, and is told as lost after a minute of refusals', async () => {
  const delivered = new Set<number>()
  const { queue, clock, told } = queueOf((items) => {
    if (items.includes(3)) return Promise.reject(new Error('out of range'))
    for (const item of items) delivered.add(item)
    return Promise.resolve()
  })
  for (let item = 1; item <= 30; item += 1) void queue.push(item)
  await clock.advanceAsync(100)
  expect([delivered.size, queue.size]).toEqual([29, 1])
  for (let item = 31; item <= 110; item += 1) {
    void queue.push(item)
    await clock.advanceAsync(1_000)
  }
  expect([delivered.size, queue.size, told]).toEqual([109, 0, ['out', 'lost 3, 1 in all', 'back']])
  expect(clock.pendingTimers).toBe(0)
})
