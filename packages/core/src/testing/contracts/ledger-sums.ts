import { entryDimensions } from '../../ledger/report-totals.ts'
import { compareText } from '../../ledger/text-order.ts'
import type { Ledger, LedgerEntry, ReportDimension, ReportQuery, ReportRow } from '../../ports/ledger.ts'
import { reportOracle } from '../report-oracle.ts'
import { sampleEntries } from '../sample-entries.ts'
import { sampleEntry, type SampleOverrides } from '../sample-entry.ts'
import { assertEqual, assertRejects } from './assertions.ts'
import type { StoreCase } from './contract.ts'

async function keep(ledger: Ledger, samples: readonly SampleOverrides[]): Promise<readonly LedgerEntry[]> {
  const entries = samples.map(sampleEntry)
  for (const entry of entries) await ledger.append(entry)
  return entries
}

/** Rows as `[group values…, figure]`, for short expectations. */
async function figures(ledger: Ledger, query: ReportQuery, figure: (row: ReportRow) => unknown = ({ exchanges }) => exchanges): Promise<readonly unknown[]> {
  return (await ledger.report(query)).map((row) => [...query.groupBy.map((dimension) => row.group[dimension]), figure(row)])
}

const everyDimension: readonly ReportDimension[] = [...entryDimensions, 'hour', 'day']

/** What reports add up to. */
export const sumCases: readonly StoreCase<Ledger>[] = [
  {
    name: 'a report over nothing has no rows',
    check: async (ledger) => {
      assertEqual(await ledger.report({ groupBy: [] }), [], 'without grouping')
      assertEqual(await ledger.report({ groupBy: ['model', 'day'] }), [], 'by model and day')
    },
  },
  {
    name: 'a report by any dimension, and by any two, equals the sum of its exchanges to the last nano-dollar',
    check: async (ledger) => {
      const entries = sampleEntries(5, 150)
      await Promise.all(entries.map((entry) => ledger.append(entry)))
      const groupings = [
        [],
        ...everyDimension.map((dimension) => [dimension]),
        ...everyDimension.flatMap((one) => everyDimension.filter((two) => two !== one).map((two) => [one, two])),
      ]
      for (const groupBy of groupings)
        assertEqual(await ledger.report({ groupBy }), reportOracle(entries, { groupBy }), `the report by ${groupBy.join(' and ') || 'nothing'}`)
    },
  },
  {
    name: 'money beyond 2^53 nano-dollars is summed exactly over many exchanges',
    check: async (ledger) => {
      const large = 9_007_199_254_740_993n
      await Promise.all(Array.from({ length: 200 }, (_, index) => ledger.append(sampleEntry({ parts: [{ costNanoUsd: large + BigInt(index) }] }))))
      assertEqual((await ledger.report({ groupBy: [] }))[0]?.costNanoUsd, large * 200n + 19_900n, 'the sum')
    },
  },
  {
    name: 'exchanges that lack a label are grouped under null, apart from those whose label is empty',
    check: async (ledger) => {
      await keep(ledger, [{ labels: { repository: 'acme/web' } }, {}, { labels: { repository: '' } }, {}])
      const found = await figures(ledger, { groupBy: ['repository'] })
      assertEqual(found.map((row) => JSON.stringify(row)).toSorted(compareText), ['["",1]', '["acme/web",1]', '[null,2]'], 'exchanges by repository')
    },
  },
  {
    name: 'a developer is the attributed one, else the one that the key belongs to',
    check: async (ledger) => {
      const principal = { keyId: 'key_1', developer: 'key owner' }
      await keep(ledger, [
        { labels: { developer: 'ada' }, principal, parts: [{ costNanoUsd: 2n }] },
        { principal, parts: [{ costNanoUsd: 1n }] },
        { parts: [{ costNanoUsd: 0n }] },
      ])
      assertEqual(
        await figures(ledger, { groupBy: ['developer'] }),
        [
          ['ada', 1],
          ['key owner', 1],
          [null, 1],
        ],
        'exchanges by developer',
      )
      assertEqual(await figures(ledger, { groupBy: [], where: { developer: 'key owner' } }), [[1]], 'exchanges of the key owner')
    },
  },
  {
    name: 'compaction and advisor iterations are billed to the model that they ran on',
    check: async (ledger) => {
      const reply = { model: 'sonnet', outputTokens: 10, costNanoUsd: 5n }
      await keep(ledger, [
        {
          parts: [
            reply,
            { model: 'opus', role: 'compaction', outputTokens: 100, costNanoUsd: 50n },
            { model: 'opus', role: 'advisor_message', outputTokens: 1_000, costNanoUsd: 500n },
          ],
        },
        { parts: [reply] },
      ])
      const figure = (row: ReportRow): unknown => [row.exchanges, row.outputTokens, row.costNanoUsd]
      assertEqual(
        await figures(ledger, { groupBy: ['model'] }, figure),
        [
          ['opus', [1, 1_100, 550n]],
          ['sonnet', [2, 20, 10n]],
        ],
        'exchanges, output tokens and cost by model',
      )
      assertEqual(await figures(ledger, { groupBy: [] }, figure), [[[2, 1_120, 560n]]], 'without grouping, where each exchange counts once')
      assertEqual(await figures(ledger, { groupBy: [], where: { model: 'opus' } }, figure), [[[1, 1_100, 550n]]], 'on one model')
    },
  },
  {
    name: 'an exchange without usage counts under the model that was sent upstream, else the one asked for',
    check: async (ledger) => {
      await keep(ledger, [{ parts: [], requestedModel: 'opus', resolvedModel: 'sonnet' }, { parts: [], requestedModel: 'opus' }, { parts: [] }])
      assertEqual(
        await figures(ledger, { groupBy: ['model'] }),
        [
          ['opus', 1],
          ['sonnet', 1],
          [null, 1],
        ],
        'exchanges by model',
      )
    },
  },
  {
    name: 'costs that are assumed or unknown, and usage that is not final, are counted beside the sum',
    check: async (ledger) => {
      const odd = { model: 'in-house-1', role: 'compaction', costNanoUsd: 0n } as const
      await keep(ledger, [
        { parts: [{ state: 'priced' }] },
        { parts: [{ state: 'priced' }, { ...odd, state: 'unpriced' }], usageSource: 'partial' },
        { parts: [{ state: 'priced' }, { ...odd, state: 'assumed' }], usageSource: 'estimated' },
        { parts: [], outcome: { kind: 'refused' } },
      ])
      const figure = (row: ReportRow): unknown => [row.exchanges, row.unpricedExchanges, row.partialExchanges]
      assertEqual(await figures(ledger, { groupBy: [] }, figure), [[[4, 2, 2]]], 'exchanges, unpriced, partial')
      const byModel = [
        ['claude-opus-5-5', [3, 0, 2]],
        ['in-house-1', [2, 2, 2]],
        [null, [1, 0, 0]],
      ]
      assertEqual(await figures(ledger, { groupBy: ['model'] }, figure), byModel, 'the same by model')
    },
  },
  {
    name: 'percentiles are nearest-rank: values that occurred, over the exchanges that have the figure',
    check: async (ledger) => {
      const startedAt = Date.UTC(2026, 10, 24)
      const timed = Array.from({ length: 20 }, (_, index) => ({
        startedAt,
        endedAt: startedAt + (index + 1) * 100,
        ...(index < 3 && { firstByteAt: startedAt + index + 1 }),
      }))
      await keep(ledger, timed.toReversed())
      const [plain] = await ledger.report({ groupBy: [] })
      assertEqual([plain?.durationMillis, plain?.firstByteMillis], [undefined, undefined], 'percentiles that nobody asked for')
      const [row] = await ledger.report({ groupBy: [], percentiles: true })
      assertEqual(row?.durationMillis, { p50: 1_000, p90: 1_800, p99: 2_000 }, 'durations of 100 to 2000 ms')
      assertEqual(row?.firstByteMillis, { p50: 2, p90: 3, p99: 3 }, 'first bytes after 1, 2 and 3 ms')
      const alone = await keep(ledger, [{ labels: { session: 'alone' }, startedAt, endedAt: startedAt + 7 }])
      const query: ReportQuery = { groupBy: [], where: { session: 'alone' }, percentiles: true }
      assertEqual(await ledger.report(query), reportOracle(alone, query), 'one exchange without a first byte')
    },
  },
  {
    name: 'a filter keeps exactly the exchanges with that value, and several combine',
    check: async (ledger) => {
      const entries = sampleEntries(9, 120)
      await Promise.all(entries.map((entry) => ledger.append(entry)))
      const filters: readonly NonNullable<ReportQuery['where']>[] = [
        { session: "o'brien; drop table entries; --" },
        { developer: '\u{1F6F6}', kind: 'main' },
        { repository: '100%_\\' },
        { repository: '' },
        { agent: 'a1', outcome: 'completed', model: 'claude-opus-5-5' },
        { outcome: 'no such outcome' },
      ]
      for (const where of filters)
        assertEqual(
          await ledger.report({ groupBy: ['model', 'outcome'], where }),
          reportOracle(entries, { groupBy: ['model', 'outcome'], where }),
          `where ${JSON.stringify(where)}`,
        )
    },
  },
  {
    name: 'rows come dearest first; equal ones by their group in code points, null last',
    check: async (ledger) => {
      const labels = ['b', '\uFF21', 'B', '\u{1F6F6}', 'é', 'a', 'ab', '']
      await keep(ledger, [
        { parts: [{ costNanoUsd: 1n }] },
        ...labels.map((session) => ({ labels: { session }, parts: [{ costNanoUsd: session === 'b' ? 9_007_199_254_740_993n : 1n }] })),
      ])
      assertEqual(
        (await ledger.report({ groupBy: ['session'] })).map(({ group }) => group.session),
        ['b', '', 'B', 'a', 'ab', 'é', '\uFF21', '\u{1F6F6}', null],
        'sessions in order',
      )
    },
  },
  {
    name: 'a limit keeps the dearest rows, whole: the same as the first of all',
    check: async (ledger) => {
      const entries = sampleEntries(12, 150)
      await Promise.all(entries.map((entry) => ledger.append(entry)))
      const starts = entries.map(({ startedAt }) => startedAt).toSorted((left, right) => left - right)
      const spans: readonly Pick<ReportQuery, 'since' | 'until'>[] = [{}, { since: starts[20] as number, until: starts[120] as number }]
      for (const span of spans)
        for (const groupBy of [
          [],
          ['session'],
          ['session', 'developer', 'model'],
          ['developer', 'repository'],
          ['session', 'day'],
          ['kind', 'hour'],
        ] as const) {
          const all = reportOracle(entries, { groupBy, ...span })
          for (const limit of [0, 1, 3, 1_000, Infinity])
            assertEqual(await ledger.report({ groupBy, ...span, limit }), all.slice(0, limit), `the first ${limit} by ${groupBy.join(' and ') || 'nothing'}`)
        }
    },
  },
  {
    name: 'a dimension that does not exist is refused, not put into a query',
    check: async (ledger) => {
      await keep(ledger, [{}])
      for (const dimension of ['shoe size', 'session; drop table entries', '__proto__']) {
        await assertRejects(
          Promise.resolve().then(() => ledger.report({ groupBy: [dimension as ReportDimension] })),
          'RangeError',
          `grouping by "${dimension}"`,
        )
      }
      assertEqual(await figures(ledger, { groupBy: [] }), [[1]], 'exchanges afterwards')
    },
  },
]
