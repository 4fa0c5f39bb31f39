import { keyRingContract } from '@sluice/core/testing'
import { describe, test } from 'vitest'
import { memoryKeyRing } from './memory-key-ring.ts'

describe('the key ring contract', () => {
  for (const { name, run } of keyRingContract({ create: async () => memoryKeyRing() })) test(name, run)
})
