import { sampleEntry } from '@sluice/core/testing'
import { expect, test } from 'vitest'
import { explainRoute } from './explain-route.ts'

test('attempts are told with what became of each: no answer, an answer that was not handed on, and the one that was', () => {
  const startedAt = 1_000
  const entry = {
    ...sampleEntry({ startedAt, endedAt: 9_000 }),
    attempts: [
      { upstream: 'a', startedAt, failure: 'connect' },
      { upstream: 'b', startedAt, headAt: 1_020, status: 307, failure: 'redirected' },
      { upstream: 'c', model: 'claude-haiku-5-5', startedAt, headAt: 1_300, status: 200, failure: 'no-content' },
      { upstream: 'd', startedAt, headAt: 1_400, status: 200 },
    ],
  }
  expect(explainRoute(entry).filter((sentence) => sentence.startsWith('Attempt'))).toEqual([
    'Attempt 1: a, no answer (connect).',
    'Attempt 2: b, 307 after 20 ms, and no reply to hand on (redirected).',
    'Attempt 3: claude-haiku-5-5 at c, 200 after 300 ms, and no reply to hand on (no-content).',
    'Attempt 4: d, 200 after 400 ms.',
  ])
})
