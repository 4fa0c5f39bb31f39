import { entryDimensions, type EntryDimension, type ReportPart } from '@sluice/core/ledger'
import type { SQLOutputValue, StatementSync } from 'node:sqlite'
import { Facets } from './ledger-facets.ts'
import type { SqliteDatabase } from './sqlite-database.ts'

/** A table of sums: one row for each span of time and each combination of dimensions that occurs in it. */
export interface SumTable {
  readonly name: 'quarter_sums' | 'day_sums'
  readonly spanMillis: number
  /** How much time one statement sums: the rest of the process waits for it. */
  readonly chunkMillis: number
}

const minuteMillis = 60_000
const dayMillis = 24 * 60 * minuteMillis

/**
 * Every dimension, by quarter of an hour: all time zones in use are whole quarters from UTC, so these sums are exact by hour and day in each of them.
 * Sessions and agents are among the dimensions, since in a quarter of an hour a developer has few of them.
 */
export const quarterSums: SumTable = { name: 'quarter_sums', spanMillis: 15 * minuteMillis, chunkMillis: 8 * 15 * minuteMillis }

/** By day of UTC, without sessions and agents, of which a day has many: what a bill for a month is made from. */
export const daySums: SumTable = { name: 'day_sums', spanMillis: dayMillis, chunkMillis: 2 * dayMillis }

/** The columns that are summed. */
export const sumColumns: readonly string[] = [
  'usd',
  'nano_usd',
  'exchanges',
  'unpriced',
  'partial',
  'leading_exchanges',
  'leading_unpriced',
  'leading_partial',
  'fresh_input',
  'cache_read',
  'cache_write_5m',
  'cache_write_1h',
  'output',
  'web_searches',
  'web_fetches',
]

const nanoPerUsd = 1_000_000_000n

/** Sums of exchanges, kept in the transaction that changes an entry. */
export class LedgerSums {
  readonly #facets: Facets
  readonly #quarters: SumRows
  readonly #days: SumRows

  constructor(database: SqliteDatabase) {
    this.#facets = new Facets(database)
    this.#quarters = new SumRows(database, quarterSums)
    this.#days = new SumRows(database, daySums)
  }

  /** Adds an exchange's parts. Within a transaction only. */
  add(parts: readonly ReportPart[]): void {
    this.#apply(parts, 1)
  }

  /** Takes out what `add` added. Within a transaction only. */
  subtract(parts: readonly ReportPart[]): void {
    this.#apply(parts, -1)
  }

  #apply(parts: readonly ReportPart[], sign: 1 | -1): void {
    for (const part of parts) {
      this.#quarters.apply(part, this.#facets.numberOf(part), sign)
      const coarse = part.session === null && part.agent === null ? part : { ...part, session: null, agent: null }
      this.#days.apply(part, this.#facets.numberOf(coarse), sign)
    }
  }
}

/** The rows of one table of sums. */
class SumRows {
  readonly #table: SumTable
  readonly #change: StatementSync
  readonly #dropEmpty: StatementSync

  constructor(database: SqliteDatabase, table: SumTable) {
    this.#table = table
    this.#change = database.prepare(
      `insert into ${table.name} (start, facet, ${sumColumns.join(', ')}) values (?, ?${', ?'.repeat(sumColumns.length)})
       on conflict do update set ${sumColumns.map((column) => `${column} = ${column} + excluded.${column}`).join(', ')}`,
    )
    this.#dropEmpty = database.prepare(`delete from ${table.name} where start = ? and facet = ? and exchanges = 0`)
  }

  apply(part: ReportPart, facet: number, sign: 1 | -1): void {
    const start = spanStart(this.#table, part.startedAt)
    const { leading } = part
    const cost = sign === 1 ? part.costNanoUsd : -part.costNanoUsd
    this.#change.run(
      start,
      facet,
      cost / nanoPerUsd,
      cost % nanoPerUsd,
      sign * part.exchanges,
      sign * part.unpricedExchanges,
      sign * part.partialExchanges,
      sign * (leading?.exchanges ?? 0),
      sign * (leading?.unpricedExchanges ?? 0),
      sign * (leading?.partialExchanges ?? 0),
      sign * part.freshInputTokens,
      sign * part.cacheReadTokens,
      sign * part.cacheWrite5mTokens,
      sign * part.cacheWrite1hTokens,
      sign * part.outputTokens,
      sign * part.webSearchRequests,
      sign * part.webFetchRequests,
    )
    if (sign === -1) this.#dropEmpty.run(start, facet)
  }
}

/** The span that an instant falls in, by its start. */
export function spanStart({ spanMillis }: SumTable, atMillis: number): number {
  return Math.floor(atMillis / spanMillis) * spanMillis
}

/** The start of the first span that does not begin before an instant. */
export function nextSpanStart({ spanMillis }: SumTable, atMillis: number): number {
  return Math.ceil(atMillis / spanMillis) * spanMillis
}

const noDimensions = Object.fromEntries(entryDimensions.map((dimension) => [dimension, null])) as Readonly<Record<EntryDimension, null>>

/** A row of sums as a part of a report; dimensions that it does not tell apart are null. */
export function toReportPart(row: Readonly<Record<string, SQLOutputValue>>, startedAt: number, dimensions: readonly EntryDimension[]): ReportPart {
  const part: ReportPart = {
    ...noDimensions,
    startedAt,
    costNanoUsd: (row['usd'] as bigint) * nanoPerUsd + (row['nano_usd'] as bigint),
    exchanges: Number(row['exchanges']),
    unpricedExchanges: Number(row['unpriced']),
    partialExchanges: Number(row['partial']),
    leading: {
      exchanges: Number(row['leading_exchanges']),
      unpricedExchanges: Number(row['leading_unpriced']),
      partialExchanges: Number(row['leading_partial']),
    },
    freshInputTokens: Number(row['fresh_input']),
    cacheReadTokens: Number(row['cache_read']),
    cacheWrite5mTokens: Number(row['cache_write_5m']),
    cacheWrite1hTokens: Number(row['cache_write_1h']),
    outputTokens: Number(row['output']),
    webSearchRequests: Number(row['web_searches']),
    webFetchRequests: Number(row['web_fetches']),
    firstByteMillis: undefined,
    durationMillis: undefined,
  }
  return Object.assign(part, Object.fromEntries(dimensions.map((dimension) => [dimension, row[dimension] ?? null])))
}
