import { describe, expect, it } from 'vitest'
import { pricing } from '../meter/price.ts'
import type { Budget } from '../ports/budget-book.ts'
import type { LedgerEntry } from '../ports/ledger.ts'
import { sampleEntry } from '../testing/sample-entry.ts'
import { usdPerMillion } from '../meter/price-table.ts'
import { reportRows } from '../ledger/report-totals.ts'
import { whatIf, whatIfReplay } from './what-if.ts'
import { recommendedPolicy } from './recommended-policy.ts'

const hour = 3_600_000
const start = Date.UTC(2026, 10, 23)
const prices = pricing()

/** A recorded turn, priced by the list. */
function entry(
  at: number,
  kind: 'main' | 'title',
  tokens: { read?: number; write?: number; output?: number },
  scope = 'acme/web',
  model = 'claude-opus-5-5',
): LedgerEntry {
  const { read = 0, write = 0, output = 0 } = tokens
  const made = sampleEntry({
    startedAt: at,
    endedAt: at + 1_000,
    requestedModel: 'claude-opus-5-5',
    resolvedModel: model,
    billedModel: model,
    requestBytes: 4 * (read + write),
    labels: { session: `session-${scope}`, kind },
    parts: [{ model, cacheReadTokens: read, cacheWrite5mTokens: write, outputTokens: output }],
    principal: {
      keyId: 'k1',
      developer: scope,
      scopes: [
        { path: 'acme', level: 'organisation' },
        { path: scope, level: 'business-unit' },
      ],
    },
  })
  return { ...made, cost: prices.cost(made.usage, at) }
}

const session = (scope = 'acme/web'): readonly LedgerEntry[] => [
  entry(start, 'title', { write: 1_000, output: 20 }, scope),
  entry(start + 1_000, 'main', { write: 16_000, output: 200 }, scope),
  entry(start + 60_000, 'main', { read: 16_000, write: 1_000, output: 200 }, scope),
  entry(start + 120_000, 'main', { read: 17_000, write: 1_000, output: 200 }, scope),
]

const budget = (parts: Partial<Budget>): Budget => ({
  id: 'b1',
  name: 'web',
  subject: { scope: 'acme/web' },
  unit: 'nano-usd',
  amount: 100_000_000n,
  window: { kind: 'day', timeZone: 'UTC' },
  thresholds: [80, 100],
  hardPercent: 110,
  isStrict: false,
  action: 'block',
  sharing: 'pool',
  raises: [],
  createdAt: 0,
  version: 1,
  ...parts,
})

describe('what if', () => {
  it('nothing is changed: the projection is what was recorded', () => {
    const entries = [...session(), sampleEntry({ parts: [] })]
    const report = whatIf(entries, {})
    const total = entries.reduce((sum, { cost }) => sum + cost.nanoUsd, 0n)
    expect(report).toMatchObject({ exchanges: 5, recordedNanoUsd: total, projectedNanoUsd: total, moved: 0, denied: 0, blocked: [], thresholds: [] })
    expect(report.cache).toEqual({ recordedReadTokens: 33_000, projectedReadTokens: 33_000, recordedWriteTokens: 19_000, projectedWriteTokens: 19_000 })
  })

  it('the recommended policy had been in force: titles move, the main loop does not', () => {
    const report = whatIf(session(), { policy: recommendedPolicy })
    const title = 1_000n * 125n + 20n * 500n
    const titleBefore = 1_000n * 5_000n + 20n * 20_000n
    expect(report.moved).toBe(1)
    expect(report.recordedNanoUsd - report.projectedNanoUsd).toBe(titleBefore - title)
    expect(report.byModel).toMatchObject([
      { group: 'claude-opus-5-5', exchanges: 4 },
      { group: 'claude-haiku-5-5', exchanges: 0, recordedNanoUsd: 0n, projectedNanoUsd: title },
    ])
    expect(report.byScope).toMatchObject([{ group: 'acme/web', exchanges: 4 }])
    expect(report.assumptions.join(' ')).toContain('Histories hold signed thinking')
  })

  it('a session moves to another model as a whole: its cache is read there as it was here, in the tokens of that model', () => {
    const report = whatIf(session(), { policy: { version: 1, rules: ['when kind is main use claude-haiku-4-5'] } })
    const scaled = (tokens: number): number => Math.ceil((tokens * 769) / 1_000)
    expect(report.moved).toBe(3)
    expect(report.cache.projectedReadTokens).toBe(scaled(16_000) + scaled(17_000))
    expect(report.cache.projectedWriteTokens).toBe(1_000 + scaled(16_000) + 2 * scaled(1_000))
  })

  it('a session that has begun stays, unless histories are said to hold no thinking: then a switch that pays loses its cache', () => {
    const policy = { version: 1, rules: ['when turn >= 2 use claude-haiku-5-5'] } as const
    expect(whatIf(session(), { policy }).moved).toBe(0)
    const report = whatIf(session(), { policy, hasSignedThinking: false })
    expect(report.moved).toBe(2)
    expect(report.cache.projectedReadTokens).toBe(17_000)
    expect(report.cache.projectedWriteTokens).toBe(1_000 + 16_000 + 17_000 + 1_000)
  })

  it('prices were others: everything is priced anew', () => {
    const doubled = pricing({ overrides: [{ models: ['claude-opus-5-5'], rates: usdPerMillion(8, 40, 10, 16, 0.4) }] })
    const report = whatIf(session(), { prices: doubled })
    expect(report.projectedNanoUsd).toBe(2n * report.recordedNanoUsd)
  })

  it('bit by bit and grouped further, the answer is the same, and groups add up to the whole', () => {
    const entries = [...session(), ...session('acme/two')]
    const changes = { policy: recommendedPolicy, groupBy: 'session' } as const
    const replay = whatIfReplay(changes)
    for (const one of entries.toSorted((left, right) => left.startedAt - right.startedAt || (left.exchangeId < right.exchangeId ? -1 : 1))) replay.add(one)
    expect(replay.report()).toEqual(whatIf(entries, changes))
    const { byGroup, projectedNanoUsd } = replay.report()
    expect(byGroup.map(({ group, exchanges }) => [group, exchanges])).toEqual([
      ['session-acme/two', 4],
      ['session-acme/web', 4],
    ])
    expect(byGroup.reduce((sum, row) => sum + row.projectedNanoUsd, 0n)).toBe(projectedNanoUsd)
  })

  it('by hour and by day the groups are those of reports, in their order, in the zone asked for, and add up', () => {
    const entries = [0, 1, 2, 26].flatMap((hours) => session().map((one) => ({ ...one, startedAt: one.startedAt + hours * hour })))
    for (const [groupBy, timeZone, expected] of [
      ['day', undefined, ['2026-11-23', '2026-11-24']],
      ['day', 'America/New_York', ['2026-11-22', '2026-11-23']],
      ['hour', 'Asia/Kolkata', ['2026-11-23T05', '2026-11-23T06', '2026-11-23T07', '2026-11-24T07']],
    ] as const) {
      const { byGroup, recordedNanoUsd } = whatIf(entries.toReversed(), { prices, groupBy, ...(timeZone !== undefined && { timeZone }) })
      expect(byGroup.map(({ group }) => group)).toEqual(expected)
      expect(byGroup.map(({ group, exchanges, recordedNanoUsd: cost }) => [group, exchanges, cost])).toEqual(
        reportRows(entries, { groupBy: [groupBy], ...(timeZone !== undefined && { timeZone }) })
          .map(({ group, exchanges, costNanoUsd }) => [group[groupBy], exchanges, costNanoUsd])
          .toSorted(([left], [right]) => (String(left) < String(right) ? -1 : 1)),
      )
      expect(byGroup.reduce((sum, row) => sum + row.recordedNanoUsd, 0n)).toBe(recordedNanoUsd)
    }
    expect(() => whatIfReplay({ prices, groupBy: 'day', timeZone: 'Mars/Olympus' })).toThrow(RangeError)
  })

  it('the policy refused: those exchanges cost nothing', () => {
    const report = whatIf(session(), { policy: { version: 1, rules: ['when kind is title deny "no titles"'] } })
    expect(report.denied).toBe(1)
    expect(report.recordedNanoUsd - report.projectedNanoUsd).toBe(1_000n * 5_000n + 20n * 20_000n)
  })

  it('a budget alerted at 80 % and stopped at 110 %: whom, when, and what that saved', () => {
    const entries = Array.from({ length: 12 }, (_, index) => entry(start + index * hour, 'main', { output: 1_000 }))
    const other = entry(start, 'main', { output: 1_000 }, 'acme/web-two')
    const report = whatIf([other, ...entries.toReversed()], { budgets: [budget({ amount: 100_000_000n })] })
    // Each costs 20 million: five make 100 %, a sixth would be 120 %.
    expect(report.blocked).toEqual([
      { budget: 'b1', account: 'b1', firstAt: start + 5 * hour, lastAt: start + 11 * hour, exchanges: 7, sessions: 1, costNanoUsd: 140_000_000n },
    ])
    expect(report.thresholds).toEqual([
      { budget: 'b1', account: 'b1', percent: 80, at: start + 3 * hour },
      { budget: 'b1', account: 'b1', percent: 100, at: start + 4 * hour },
    ])
    expect(report.projectedNanoUsd).toBe(120_000_000n)
  })

  it('windows begin anew, rolling ones by the hour, and each developer has a pot where the budget says so', () => {
    const daily = [0, 1, 2, 24].map((hours) => entry(start + hours * hour, 'main', { output: 3_000 }))
    expect(whatIf(daily, { budgets: [budget({})] }).blocked).toMatchObject([{ exchanges: 2, firstAt: start + hour }])
    const rolling = budget({ window: { kind: 'rolling', hours: 2 } })
    expect(whatIf(daily, { budgets: [rolling] }).blocked).toMatchObject([{ exchanges: 1, firstAt: start + hour }])
    const each = budget({ subject: { scope: 'acme' }, sharing: 'each' })
    const two = [daily[0] as LedgerEntry, entry(start + 1, 'main', { output: 3_000 }, 'acme/two')]
    expect(whatIf(two, { budgets: [each] }).blocked).toEqual([])
    expect(whatIf(two, { budgets: [{ ...each, action: 'warn', sharing: 'pool' }] })).toMatchObject({
      blocked: [],
      thresholds: [{ percent: 80 }, { percent: 100 }],
    })
  })
})
