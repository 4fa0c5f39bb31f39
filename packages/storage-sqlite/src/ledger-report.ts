import type { ReportQuery, ReportRow } from '@sluice/core'
import { entryDimensions, reportParts, ReportTotals, toStorableText, type EntryDimension } from '@sluice/core/ledger'
import type { StatementSync } from 'node:sqlite'
import { setImmediate as turn } from 'node:timers/promises'
import type { LedgerEntries } from './ledger-entries.ts'
import { facetColumns } from './ledger-facets.ts'
import type { LedgerHorizon } from './ledger-horizon.ts'
import { daySums, nextSpanStart, quarterSums, spanStart, sumColumns, toReportPart, type SumTable } from './ledger-sums.ts'
import type { SqliteDatabase } from './sqlite-database.ts'

/**
 * Answers reports from sums: of whole days where they tell enough apart, of whole quarters of an hour beside them. Entries are read for what is left at both ends,
 * for percentiles, and for one session. Between two pieces others get their turn, so what is appended meanwhile may be in the answer or not; each exchange is in it whole.
 * What has expired is known by its quarter only: one that a report ends within is taken whole if it starts in time.
 */
export class LedgerReports {
  readonly #database: SqliteDatabase
  readonly #entries: LedgerEntries
  readonly #horizon: LedgerHorizon
  readonly #nextStart: Readonly<Record<SumTable['name'], StatementSync>>

  constructor(database: SqliteDatabase, entries: LedgerEntries, horizon: LedgerHorizon) {
    this.#database = database
    this.#entries = entries
    this.#horizon = horizon
    const nextStart = (table: SumTable): StatementSync => database.prepare(`select min(start) as start from ${table.name} where start >= ?`)
    this.#nextStart = { quarter_sums: nextStart(quarterSums), day_sums: nextStart(daySums) }
  }

  async report(query: ReportQuery): Promise<readonly ReportRow[]> {
    for (;;) {
      const keptSince = await this.#keptSince()
      const totals = new ReportTotals(query)
      const { since = -Infinity, until = Infinity } = query
      if (since < keptSince) await this.#addExpired(totals, query, since, Math.min(until, keptSince))
      await this.#addKept(totals, query, Math.max(since, keptSince), until)
      // Entries that expired meanwhile may be missing from what was read.
      if ((await this.#keptSince()) === keptSince) return totals.rows()
    }
  }

  #keptSince(): Promise<number> {
    return this.#database.read(() => this.#horizon.keptSince)
  }

  async #addExpired(totals: ReportTotals, query: ReportQuery, since: number, until: number): Promise<void> {
    const first = nextSpanStart(quarterSums, since)
    const end = nextSpanStart(quarterSums, until)
    if (since < until && first < end) await this.#addSpans(totals, query, first, end)
  }

  async #addKept(totals: ReportTotals, query: ReportQuery, since: number, until: number): Promise<void> {
    const first = nextSpanStart(quarterSums, since)
    const end = spanStart(quarterSums, until)
    if (query.percentiles === true || query.where?.session !== undefined || first >= end) return this.#addEntries(totals, query, since, until)
    await this.#addEntries(totals, query, since, first)
    await this.#addSpans(totals, query, first, end)
    await this.#addEntries(totals, query, end, until)
  }

  async #addEntries(totals: ReportTotals, query: ReportQuery, since: number, until: number): Promise<void> {
    if (!(since < until)) return
    for await (const entries of this.#entries.pages(since, until, query.where?.session)) {
      for (const entry of entries) for (const part of reportParts(entry)) totals.add(part)
      await turn()
    }
  }

  async #addSpans(totals: ReportTotals, query: ReportQuery, first: number, end: number): Promise<void> {
    const firstDay = nextSpanStart(daySums, first)
    const endDay = spanStart(daySums, end)
    if (!isAnsweredByDays(query) || firstDay >= endDay) return this.#addSums(totals, query, quarterSums, first, end)
    await this.#addSums(totals, query, quarterSums, first, firstDay)
    await this.#addSums(totals, query, daySums, firstDay, endDay)
    await this.#addSums(totals, query, quarterSums, endDay, end)
  }

  async #addSums(totals: ReportTotals, query: ReportQuery, table: SumTable, first: number, end: number): Promise<void> {
    const sums = sumsOf(query, table)
    const statement = await this.#database.read(() => this.#database.prepareBigInts(sums.sql))
    for (let at = await this.#startFrom(table, first); at < end;) {
      const next = Math.min(at + table.chunkMillis, end)
      for (const row of await this.#database.read(() => statement.all(at, next, ...sums.values))) {
        // Without groups there is a row of nothing for no rows.
        if (row['exchanges'] !== null) totals.add(toReportPart(row, Number(row['start'] ?? at), sums.dimensions))
      }
      await turn()
      at = await this.#startFrom(table, next)
    }
  }

  /** The first span from an instant on that has sums; Infinity for none. */
  async #startFrom({ name }: SumTable, atMillis: number): Promise<number> {
    const start = await this.#database.read(() => this.#nextStart[name].get(atMillis)?.['start'])
    return typeof start === 'number' ? start : Infinity
  }
}

/** True where a report tells apart no less than a day of UTC, no sessions and no agents. */
function isAnsweredByDays({ groupBy, where, timeZone = 'UTC' }: ReportQuery): boolean {
  if (groupBy.includes('hour') || (groupBy.includes('day') && timeZone !== 'UTC')) return false
  return !groupBy.includes('session') && !groupBy.includes('agent') && where?.session === undefined && where?.agent === undefined
}

/** The statement that sums a range of spans for a query, and the values of its conditions. Every name in it is one of this package's own. */
function sumsOf(
  query: ReportQuery,
  table: SumTable,
): { readonly sql: string; readonly values: readonly string[]; readonly dimensions: readonly EntryDimension[] } {
  const filters = entryDimensions.flatMap((dimension) => {
    const value = query.where?.[dimension]
    return value === undefined ? [] : [{ dimension, value: toStorableText(value) }]
  })
  const dimensions = entryDimensions.filter((name) => query.groupBy.includes(name) || filters.some(({ dimension }) => dimension === name))
  const isTimed = query.groupBy.includes('hour') || query.groupBy.includes('day')
  const groups = [...(isTimed ? ['start'] : []), ...dimensions.map((dimension) => facetColumns[dimension])]
  const labels = [...(isTimed ? ['start'] : []), ...dimensions.map((dimension) => `${facetColumns[dimension]} as ${dimension}`)]
  const sql = `
    select ${[...labels, ...sumColumns.map((column) => `sum(${column}) as ${column}`)].join(', ')}
    from ${table.name} cross join facets using (facet)
    where start >= ? and start < ?${filters.map(({ dimension }) => ` and ${facetColumns[dimension]} = ?`).join('')}
    ${groups.length === 0 ? '' : `group by ${groups.join(', ')}`}`
  return { sql, values: filters.map(({ value }) => value), dimensions }
}
