import { rateBookContract } from '@sluice/core/testing'
import { describe, test } from 'vitest'
import { memoryRateBook } from './memory-rate-book.ts'

describe('the rate book contract', () => {
  for (const { name, run } of rateBookContract({ create: async () => memoryRateBook() })) test(name, run)
})
