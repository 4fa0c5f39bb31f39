import type { WhatIfJson } from '@sluice/admin'
import { expect, test } from 'vitest'
import { whatIfText } from './what-if-text.ts'

const answer: WhatIfJson = {
  exchanges: 1_200,
  firstAt: '2026-11-01T08:00:00.000Z',
  lastAt: '2026-11-23T18:30:00.000Z',
  isWhole: true,
  recordedNanoUsd: '200000000000',
  projectedNanoUsd: '150000000000',
  moved: 40,
  denied: 2,
  byScope: [{ group: null, exchanges: 1_200, recordedNanoUsd: '200000000000', projectedNanoUsd: '150000000000' }],
  byModel: [{ group: 'claude-opus-5-5', exchanges: 1_200, recordedNanoUsd: '200000000000', projectedNanoUsd: '150000000000' }],
  byGroup: [{ group: 'ada\u001b[2J', exchanges: 7, recordedNanoUsd: '1000000000', projectedNanoUsd: '2000000000' }],
  blocked: [
    {
      budget: 'bg_1',
      name: 'web (month)',
      account: 'bg_1/ada',
      firstAt: '2026-11-20T10:00:00.000Z',
      lastAt: '2026-11-23T18:00:00.000Z',
      exchanges: 37,
      sessions: 4,
      costNanoUsd: '6000000000',
    },
  ],
  thresholds: [{ budget: 'bg_1', name: 'web (month)', account: 'bg_1', percent: 80, at: '2026-11-12T07:15:00.000Z' }],
  cache: { recordedReadTokens: 12_000_000, projectedReadTokens: 11_000_000, recordedWriteTokens: 900_000, projectedWriteTokens: 1_900_000 },
  assumptions: ['Developers would have asked for the same.'],
}

test('an answer of what-if in words: the sum, the groups, who was stopped and when, the cache, and what it rests on', () => {
  const text = whatIfText(answer, 'developer', 'UTC')
  for (const part of [
    '1,200 exchanges from 2026-11-01 08:00 to 2026-11-23 18:30 (UTC).',
    'They cost $200.00; with the change they would have cost $150.00: $50.00 less (-25.0 %).',
    '-$50.00',
    '+$1.00',
    'To another model: 40. Refused by the policy: 2. Stopped by a budget: 37.',
    '"web (month)" of ada: 37 exchanges of 4 sessions, from 2026-11-20 10:00 to 2026-11-23 18:00; they had cost $6.00',
    '80 % of "web (month)" passed at 2026-11-12 07:15',
    'Cache: 12.0M tokens read, 900k written; with the change 11.0M read, 1.9M written.',
    'This rests on:\n  - Developers would have asked for the same.',
  ])
    expect(text).toContain(part)
  const days = Array.from({ length: 40 }, (_, day) => ({ group: `day ${day}`, exchanges: 1, recordedNanoUsd: '1', projectedNanoUsd: '1' }))
  expect(whatIfText({ ...answer, byGroup: days }, 'day', 'UTC')).toContain('day 39')
  expect(whatIfText({ ...answer, byGroup: days }, 'developer', 'UTC')).toContain('… and 25 more')
  expect([text.includes('\u001b'), text.includes('by scope')]).toEqual([false, false])
  expect(whatIfText({ ...answer, exchanges: 0, firstAt: null, lastAt: null }, undefined, 'UTC')).toContain('Widen --since')
  expect(whatIfText({ ...answer, projectedNanoUsd: answer.recordedNanoUsd }, undefined, 'UTC')).toContain(': the same.')
})
