import type { Fault, PolicyShelf } from '@sluice/core'
import { publishPolicy } from '@sluice/core/policy'
import { memoryPolicyShelf } from '@sluice/storage-memory'
import { expect, test } from 'vitest'
import { shelfWatch } from './shelf-watch.ts'

test('an empty shelf is looked at every five seconds, while somebody asks, until something is published', async () => {
  let time = 0
  let looks = 0
  let isOut = false
  const faults: Fault[] = []
  const kept = memoryPolicyShelf()
  const shelf: PolicyShelf = {
    ...kept,
    current: () => {
      looks += 1
      return isOut ? Promise.reject(new Error('out')) : kept.current()
    },
  }
  const watch = shelfWatch({ shelf, isEmpty: true, now: () => time, onFault: (fault) => void faults.push(fault) })
  const settle = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 0))
  for (; time < 5_000; time += 1_000) expect(watch.isEmpty()).toBe(true)
  expect(looks).toBe(0)
  expect([watch.isEmpty(), watch.isEmpty(), looks]).toEqual([true, true, 1])
  await settle()
  isOut = true
  time += 5_000
  expect(watch.isEmpty()).toBe(true)
  await settle()
  expect(faults).toMatchObject([{ code: 'policy-shelf-failed' }])
  isOut = false
  await publishPolicy({ shelf: kept, policy: { version: 1, rules: ['keep'] }, expected: undefined, at: 1, actor: 'ada' })
  await watch.look()
  time += 60_000
  expect([watch.isEmpty(), looks]).toEqual([false, 3])
  await watch.look()
  expect(looks).toBe(3)
})
