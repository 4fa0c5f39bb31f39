import { expect, test } from 'vitest'
import { BatchQueue } from './batch-queue.ts'
import { StoreError } from './store-error.ts'

const refusal = new StoreError('rejected', 'no')

/** A queue over a store that refuses a batch with any item that `isPoisoned`. */
function queueOf({ isPoisoned = () => false, maxItems = 500 }: { readonly isPoisoned?: (item: number) => boolean; readonly maxItems?: number } = {}) {
  const batches: (readonly number[])[] = []
  const queue = new BatchQueue<number>(async (items) => {
    await Promise.resolve()
    batches.push(items)
    if (items.some(isPoisoned)) throw refusal
  }, maxItems)
  return { queue, batches }
}

test('items that come together are one batch, and what comes meanwhile is the next', async () => {
  const { queue, batches } = queueOf()
  const first = [1, 2, 3].map((item) => queue.add(`${item}`, item))
  await Promise.resolve()
  await Promise.resolve()
  const later = [4, 5].map((item) => queue.add(`${item}`, item))
  await Promise.all([...first, ...later])
  expect(batches).toEqual([
    [1, 2, 3],
    [4, 5],
  ])
})

test('a batch has no more items than it may, in order', async () => {
  const { queue, batches } = queueOf({ maxItems: 3 })
  await Promise.all([1, 2, 3, 4, 5, 6, 7].map((item) => queue.add(`${item}`, item)))
  expect(batches).toEqual([[1, 2, 3], [4, 5, 6], [7]])
})

test('of items with one key the later goes in a batch of its own, so that the first is kept', async () => {
  const { queue, batches } = queueOf()
  await Promise.all([queue.add('a', 1), queue.add('b', 2), queue.add('a', 3), queue.add('a', 4), queue.add('c', 5)])
  expect(batches).toEqual([[1, 2, 5], [3], [4]])
})

test('a poisoned item rejects alone, however many there are', async () => {
  const { queue } = queueOf({ isPoisoned: (item) => item % 7 === 3 })
  const items = Array.from({ length: 50 }, (_, index) => index)
  const outcomes = await Promise.allSettled(items.map((item) => queue.add(`${item}`, item)))
  expect(outcomes.map(({ status }) => status)).toEqual(items.map((item) => (item % 7 === 3 ? 'rejected' : 'fulfilled')))
})

test('a batch that cannot be written for another reason rejects whole, and is not tried item by item', async () => {
  let calls = 0
  const lost = new StoreError('unreachable', 'gone')
  const queue = new BatchQueue<number>(async () => {
    calls += 1
    throw lost
  }, 500)
  const outcomes = await Promise.allSettled([1, 2, 3].map((item) => queue.add(`${item}`, item)))
  expect(outcomes).toEqual([1, 2, 3].map(() => ({ status: 'rejected', reason: lost })))
  expect(calls).toBe(1)
})

test('a closed queue takes nothing more, and resolves once what it has taken is written', async () => {
  const { queue, batches } = queueOf({ maxItems: 1 })
  const added = [1, 2].map((item) => queue.add(`${item}`, item))
  await queue.close()
  expect(batches).toEqual([[1], [2]])
  await Promise.all(added)
  await expect(queue.add('3', 3)).rejects.toMatchObject({ code: 'closed' })
  await queue.close()
})
