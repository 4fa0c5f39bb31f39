import type { ReportDimension, TokenBuckets } from '@sluice/core'
import { csv, type CsvValue } from '../format/csv.ts'
import { count, duration, unknown } from '../format/figures.ts'
import { dollars, usdDecimal } from '../format/money.ts'
import { table, type Column } from '../format/table.ts'
import { printable } from '../terminal.ts'
import type { ReportRowJson } from '@sluice/admin'

const tokenTitles: readonly (readonly [keyof TokenBuckets, string])[] = [
  ['freshInputTokens', 'fresh'],
  ['cacheReadTokens', 'cache read'],
  ['cacheWrite5mTokens', 'write 5m'],
  ['cacheWrite1hTokens', 'write 1h'],
  ['outputTokens', 'output'],
  ['webSearchRequests', 'searches'],
]

/** A report as a table, with totals below where there is more than one row, and notes on what the figures leave open. */
export function reportTable(rows: readonly ReportRowJson[], groupBy: readonly ReportDimension[]): string {
  const buckets = tokenTitles.filter(([bucket]) => bucket !== 'webSearchRequests' || rows.some((row) => row.webSearchRequests > 0))
  const columns: Column[] = [
    ...groupBy.map((title): Column => ({ title })),
    ...['exchanges', ...buckets.map(([, title]) => title), 'cost', 'first byte p50', 'took p50', 'took p99'].map((title): Column => ({
      title,
      align: 'right',
    })),
  ]
  const cells = (row: ReportRowJson, group: readonly string[]): readonly string[] => [
    ...group,
    count(row.exchanges),
    ...buckets.map(([bucket]) => count(row[bucket])),
    costText(row),
    duration(row.firstByteMillis?.p50),
    duration(row.durationMillis?.p50),
    duration(row.durationMillis?.p99),
  ]
  const body = rows.map((row) =>
    cells(
      row,
      groupBy.map((dimension) => groupText(row[dimension])),
    ),
  )
  if (rows.length < 2) return [table(columns, body), ...notes(rows)].join('\n')
  const total = totalOf(rows)
  return [
    table(
      columns,
      body,
      cells(
        total,
        groupBy.map((_, at) => (at === 0 ? 'total' : '')),
      ),
    ),
    ...notes([total]),
  ].join('\n')
}

function groupText(value: string | null | undefined): string {
  return value === null || value === undefined ? unknown : printable(value, 60)
}

/** A sum that leaves something open is marked; one that is nothing but open is unknown. */
function costText({ costNanoUsd, unpricedExchanges }: ReportRowJson): string {
  if (unpricedExchanges === 0) return dollars(BigInt(costNanoUsd))
  return costNanoUsd === '0' ? unknown : `~${dollars(BigInt(costNanoUsd))}`
}

function notes(rows: readonly ReportRowJson[]): readonly string[] {
  const sum = (figure: 'unpricedExchanges' | 'partialExchanges'): number => rows.reduce((total, row) => total + row[figure], 0)
  const unpriced = sum('unpricedExchanges')
  const partial = sum('partialExchanges')
  const found: string[] = []
  if (unpriced > 0)
    found.push(
      `~ ${count(unpriced)} of them asked a model without a known price: assumed at the dearest, or left out. Give its price under "pricing" in sluice.config.ts.`,
    )
  if (partial > 0) found.push(`${count(partial)} of them broke off before the final usage came: counted as far as seen.`)
  return found.length === 0 ? [] : ['', ...found]
}

/** The sum of rows; percentiles do not add up, so it has none. */
function totalOf(rows: readonly ReportRowJson[]): ReportRowJson {
  const sum = (pick: (row: ReportRowJson) => number): number => rows.reduce((total, row) => total + pick(row), 0)
  return {
    exchanges: sum((row) => row.exchanges),
    freshInputTokens: sum((row) => row.freshInputTokens),
    cacheReadTokens: sum((row) => row.cacheReadTokens),
    cacheWrite5mTokens: sum((row) => row.cacheWrite5mTokens),
    cacheWrite1hTokens: sum((row) => row.cacheWrite1hTokens),
    outputTokens: sum((row) => row.outputTokens),
    webSearchRequests: sum((row) => row.webSearchRequests),
    webFetchRequests: sum((row) => row.webFetchRequests),
    costNanoUsd: rows.reduce((total, row) => total + BigInt(row.costNanoUsd), 0n).toString(),
    unpricedExchanges: sum((row) => row.unpricedExchanges),
    partialExchanges: sum((row) => row.partialExchanges),
    firstByteMillis: null,
    durationMillis: null,
  }
}

const csvFigures = [
  'exchanges',
  'freshInputTokens',
  'cacheReadTokens',
  'cacheWrite5mTokens',
  'cacheWrite1hTokens',
  'outputTokens',
  'webSearchRequests',
  'webFetchRequests',
  'unpricedExchanges',
  'partialExchanges',
] as const

/** A report as CSV: the fields of the JSON, percentiles side by side, the cost in dollars too. */
export function reportCsv(rows: readonly ReportRowJson[], groupBy: readonly ReportDimension[]): string {
  const spans = (['firstByteMillis', 'durationMillis'] as const).flatMap((span) => (['p50', 'p90', 'p99'] as const).map((rank) => [span, rank] as const))
  const header = [...groupBy, ...csvFigures, 'costNanoUsd', 'costUsd', ...spans.map(([span, rank]) => `${span}P${rank.slice(1)}`)]
  return csv(
    header,
    rows.map((row): CsvValue[] => [
      ...groupBy.map((dimension) => row[dimension] ?? null),
      ...csvFigures.map((figure) => row[figure]),
      row.costNanoUsd,
      usdDecimal(BigInt(row.costNanoUsd)),
      ...spans.map(([span, rank]) => row[span]?.[rank] ?? null),
    ]),
  )
}
