import { scopeTreeContract } from '@sluice/core/testing'
import { describe, test } from 'vitest'
import { memoryScopeTree } from './memory-scope-tree.ts'

describe('the scope tree contract', () => {
  for (const { name, run } of scopeTreeContract({ create: async () => memoryScopeTree() })) test(name, run)
})
