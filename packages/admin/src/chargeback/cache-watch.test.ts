import { fc, test as property } from '@fast-check/vitest'
import { pricing, type LedgerEntry } from '@sluice/core'
import { sampleEntry } from '@sluice/core/testing'
import { describe, expect, test } from 'vitest'
import { cacheWatch, type CacheAlarm } from './cache-watch.ts'

const start = Date.UTC(2026, 10, 24, 12)
const minute = 60_000

interface Turn {
  readonly at?: number
  readonly read?: number
  readonly write?: number
  readonly writeLong?: number
  readonly fresh?: number
  readonly model?: string
  readonly kind?: 'main' | 'sub-agent' | 'title' | 'compaction'
  readonly agent?: string
}

function turn(
  number: number,
  { at = number * minute, read = 0, write = 0, writeLong = 0, fresh = 2, model = 'claude-opus-5-5', kind = 'main', agent }: Turn,
): LedgerEntry {
  return sampleEntry({
    exchangeId: `ex_${number}`,
    startedAt: start + at,
    endedAt: start + at + 2_000,
    labels: { session: 's-1', kind, ...(agent !== undefined && { agent }) },
    parts: [{ model, cacheReadTokens: read, cacheWrite5mTokens: write, cacheWrite1hTokens: writeLong, freshInputTokens: fresh, outputTokens: 200 }],
  })
}

/** Shows turns to a fresh watch; resolves with the alarms. */
function watched(turns: readonly Turn[]): readonly CacheAlarm[] {
  const alarms: CacheAlarm[] = []
  const watch = cacheWatch({ onAlarm: (alarm) => alarms.push(alarm) })
  for (const [at, one] of turns.entries()) watch.see(turn(at + 1, one))
  return alarms
}

/** A session whose cache works: every turn reads what the one before left. */
const healthy = (turns: number): readonly Turn[] =>
  Array.from({ length: turns }, (_, at) => (at === 0 ? { write: 16_000 } : { read: 16_000 + (at - 1) * 1_000, write: 1_000 }))

/** D1: the bytes of the prefix change with every turn, so nothing is ever found again. */
const faulty = (turns: number): readonly Turn[] => Array.from({ length: turns }, (_, at) => ({ write: 16_000 + at * 1_000 }))

describe('D9: a cache that stopped working is told of', () => {
  test('D9: a prefix whose bytes change every turn gives the alarm on the third turn, once, with what was lost', () => {
    const [alarm, ...more] = watched(faulty(8))
    expect(more).toEqual([])
    // Turns two and three wrote again what the one before had written: 16,000 and 17,000 tokens, at $5 instead of $0.20 a million.
    expect(alarm).toEqual({
      session: 's-1',
      model: 'claude-opus-5-5',
      turns: 3,
      exchangeId: 'ex_3',
      at: start + 3 * minute + 2_000,
      lostTokens: 33_000,
      lostNanoUsd: 33_000n * 4_800n,
    })
  })

  property.prop([fc.integer({ min: 1, max: 60 })])('D9: a healthy session of any length gives none', (turns) => {
    expect(watched(healthy(turns))).toEqual([])
  })

  property.prop([fc.integer({ min: 1, max: 30 })])('D9: a fault in the middle of a session gives it within three turns', (before) => {
    const held = 16_000 + before * 1_000
    const broken = Array.from({ length: 3 }, (_, at): Turn => ({ write: held + at * 1_000 }))
    expect(watched([...healthy(before), ...broken])).toMatchObject([{ turns: 3 }])
  })

  test('D9: reads that are frozen at the first block, while the rest is written again and again, are no reads', () => {
    const frozen = Array.from({ length: 4 }, (_, at): Turn => ({ read: 20_000, write: 600_000 + at * 5_000 }))
    expect(watched([{ write: 600_000 }, ...frozen])).toHaveLength(1)
  })
})

describe('what is no fault', () => {
  test.each<readonly [string, readonly Turn[]]>([
    ['pauses longer than the cache lives', [0, 6, 12, 18, 24].map((at) => ({ at: at * minute, write: 20_000 }))],
    ['a change of the model, back and forth', [0, 1, 2, 3].map((at) => ({ write: 20_000, model: at % 2 === 0 ? 'claude-opus-5-5' : 'claude-sonnet-5-5' }))],
    ['a client that does not cache at all', [0, 1, 2, 3].map(() => ({ fresh: 20_000 }))],
    ['titles, which are no turns', [0, 1, 2, 3].map(() => ({ write: 2_000, kind: 'title' as const }))],
    ['agents that cannot be told apart', [0, 1, 2, 3].map(() => ({ write: 9_000, kind: 'sub-agent' as const }))],
    ['agents that each begin', [0, 1, 2, 3].map((at) => ({ write: 9_000, kind: 'sub-agent' as const, agent: `a${at}` }))],
    ['a compaction', [...healthy(2), { write: 200, read: 17_000, kind: 'compaction' as const }, { write: 9_000 }, { read: 9_000, write: 500 }]],
  ])('%s', (_, turns) => {
    expect(watched(turns)).toEqual([])
  })

  test('within an hour, where the client has its prompt cached for an hour, a pause is no excuse', () => {
    expect(watched([0, 20, 40].map((at) => ({ at: at * minute, writeLong: 20_000 })))).toMatchObject([{ turns: 3, lostTokens: 40_000 }])
  })
})

test('a run that has ended may begin again, and is told of again', () => {
  expect(watched([...faulty(3), { read: 18_000, write: 1_000 }, ...faulty(3).map(({ write = 0 }) => ({ write: write + 30_000 }))])).toHaveLength(2)
})

test('what is lost is priced by the prices given, and never below nothing', () => {
  const doubled = cacheWatch({ pricing: pricing({ contractMultiplier: '2' }) })
  doubled.see(turn(1, { write: 10_000 }))
  expect(doubled.see(turn(2, { write: 10_500 }))).toMatchObject({ isMiss: true, lostTokens: 10_000, lostNanoUsd: 10_000n * 9_600n })
})

test('the least recently seen conversations are forgotten first', () => {
  const watch = cacheWatch({ conversations: 1 })
  watch.see(turn(1, { write: 10_000, kind: 'sub-agent', agent: 'a' }))
  watch.see(turn(2, { write: 10_000, kind: 'sub-agent', agent: 'b' }))
  expect(watch.see(turn(3, { write: 10_000, kind: 'sub-agent', agent: 'a' }))).toMatchObject({ streak: 1 })
})
