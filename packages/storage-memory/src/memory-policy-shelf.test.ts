import { policyShelfContract } from '@sluice/core/testing'
import { describe, test } from 'vitest'
import { memoryPolicyShelf } from './memory-policy-shelf.ts'

describe('the policy shelf contract', () => {
  for (const { name, run } of policyShelfContract({ create: async () => memoryPolicyShelf() })) test(name, run)
})
