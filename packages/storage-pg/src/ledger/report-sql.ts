import type { ReportQuery } from '@sluice/core'
import { toStorableText, type EntryDimension } from '@sluice/core/ledger'
import { labelDimensions } from './entry-document.ts'

/** Where a dimension stands: `l` is a row of labels, `f` one of sums or an entry. */
export const columnOf: Readonly<Record<EntryDimension, string>> = {
  session: 'f.session',
  agent: 'f.agent',
  developer: 'l.developer',
  repository: 'l.repository',
  model: 'l.model',
  kind: 'l.kind',
  outcome: 'l.outcome',
  key: 'l.key',
  scope: 'l.scope',
  organisation: 'l.organisation',
  businessUnit: 'l.business_unit',
  subBusinessUnit: 'l.sub_business_unit',
  costCentre: 'l.cost_centre',
}

/** How exchanges are counted: where models are told apart, in each of their parts, else in the leading one. */
const countsByModel: readonly string[] = ['exchanges', 'unpriced', 'partial']
const countsOnce: readonly string[] = ['leading_exchanges', 'leading_unpriced', 'leading_partial']
const amounts: readonly string[] = ['fresh_input', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'output', 'web_search', 'web_fetch', 'cost']

/** Values of a statement, numbered as they are used. */
export class Values {
  readonly list: (string | readonly string[])[] = []

  /** `$1`, `$2`, with the cast. */
  add(value: string | readonly string[], cast: string): string {
    this.list.push(value)
    return `$${this.list.length}::${cast}`
  }
}

/** What a query groups by and keeps, as SQL knows it. Texts here are this package's own: a client's words are values only. */
export interface Shape {
  readonly dimensions: readonly EntryDimension[]
  readonly needsThreads: boolean
  /** Sums by day and session will do: it asks for no agent, and not for one session, which an index finds among the finer sums. */
  readonly needsSessionsOnly: boolean
  readonly needsKinds: boolean
  readonly tellsModelsApart: boolean
  /** Columns to sum: three counts, then amounts, the cost last. */
  readonly sums: readonly string[]
  /** Whether rows tell hours or days apart. */
  readonly calendar: 'hour' | 'day' | undefined
  readonly timeZone: string
  readonly filters: readonly (readonly [dimension: EntryDimension, value: string])[]
}

/** The shape of a query whose dimensions and time zone have been checked. */
export function shapeOf(query: ReportQuery): Shape {
  const dimensions = [...new Set(query.groupBy)]
  const filters = Object.entries(query.where ?? {}).flatMap(([dimension, value]) =>
    value === undefined ? [] : [[dimension as EntryDimension, toStorableText(value)] as const],
  )
  const entryDimensions = dimensions.filter((dimension): dimension is EntryDimension => dimension !== 'hour' && dimension !== 'day')
  const used = new Set([...entryDimensions, ...filters.map(([dimension]) => dimension)])
  return {
    dimensions: entryDimensions,
    needsThreads: used.has('session') || used.has('agent'),
    needsSessionsOnly: entryDimensions.includes('session') && !used.has('agent') && !filters.some(([dimension]) => dimension === 'session'),
    needsKinds: used.has('kind') || used.has('outcome'),
    tellsModelsApart: used.has('model'),
    sums: [...(used.has('model') ? countsByModel : countsOnce), ...amounts],
    calendar: dimensions.includes('hour') ? 'hour' : dimensions.includes('day') ? 'day' : undefined,
    timeZone: query.timeZone ?? 'UTC',
    filters,
  }
}

/** Conditions on labels, without a leading `and`. */
export function labelConditions(shape: Shape, values: Values): readonly string[] {
  return shape.filters
    .filter(([dimension]) => (labelDimensions as readonly string[]).includes(dimension))
    .map(([dimension, value]) => `${columnOf[dimension]} = ${values.add(value, 'text')}`)
}

/** Conditions on session and agent. The hash is what the index knows. */
export function threadConditions(shape: Shape, values: Values): readonly string[] {
  return shape.filters.flatMap(([dimension, value]) => {
    if (dimension === 'agent') return [`f.agent = ${values.add(value, 'text')}`]
    if (dimension !== 'session') return []
    const session = values.add(value, 'text')
    return [`hashtextextended(f.session, 0) = hashtextextended(${session}, 0)`, `f.session = ${session}`]
  })
}
