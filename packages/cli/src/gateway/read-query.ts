import type { ExchangeQuery, ReportDimension, ReportQuery } from '@sluice/core'
import { didYouMean } from '../flags/nearest.ts'
import { isTimeZone } from '../start/setting-specs.ts'
import { dimensions } from './report-json.ts'

/** A question to the read API that cannot be answered; the message says what to ask instead. */
export class QueryError extends Error {
  override readonly name: string = 'QueryError'
}

const maxLimit = 10_000
type Parameters = URLSearchParams
type Filter = NonNullable<ReportQuery['where']>

/** Reads `groupBy`, `since`, `until`, `timeZone`, `where` and `percentiles` (on unless `false`). @throws QueryError */
export function toReportQuery(parameters: Parameters, timeZone: string): ReportQuery {
  allowParameters(parameters, ['groupBy', 'since', 'until', 'timeZone', 'where', 'percentiles'])
  const zone = parameters.get('timeZone') ?? timeZone
  if (!isTimeZone(zone)) throw new QueryError(`timeZone: "${zone.slice(0, 60)}" is not known. Give an IANA name, such as Europe/Berlin.`)
  const groupBy = parameters.getAll('groupBy').flatMap((list) => list.split(',').filter((name) => name !== ''))
  return {
    groupBy: [...new Set(groupBy.map((name) => toDimension('groupBy', name)))],
    ...span(parameters),
    timeZone: zone,
    percentiles: parameters.get('percentiles') !== 'false',
    where: toFilter(parameters.getAll('where')),
  }
}

/** Reads `since`, `until`, `id`, `session` and `limit`. @throws QueryError */
export function toExchangeQuery(parameters: Parameters): ExchangeQuery {
  allowParameters(parameters, ['since', 'until', 'id', 'session', 'limit'])
  const limit = parameters.get('limit')
  if (limit !== null && !(/^\d{1,5}$/.test(limit) && Number(limit) >= 1 && Number(limit) <= maxLimit))
    throw new QueryError(`limit: "${limit.slice(0, 20)}" is not a number from 1 to ${maxLimit}.`)
  const id = parameters.get('id')
  const session = parameters.get('session')
  return { ...span(parameters), ...(id !== null && { id }), ...(session !== null && { session }), ...(limit !== null && { limit: Number(limit) }) }
}

/** Refuses parameters that a route does not take. @throws QueryError */
export function allowParameters(parameters: Parameters, names: readonly string[]): void {
  for (const name of parameters.keys())
    if (!names.includes(name)) throw new QueryError(`"${name.slice(0, 40)}" is not a parameter here.${didYouMean(name, names)}`)
}

function span(parameters: Parameters): { readonly since?: number; readonly until?: number } {
  const since = instant(parameters, 'since')
  const until = instant(parameters, 'until')
  return { ...(since !== undefined && { since }), ...(until !== undefined && { until }) }
}

function instant(parameters: Parameters, name: string): number | undefined {
  const text = parameters.get(name)
  if (text === null) return undefined
  const millis = /^\d{1,15}$/.test(text) ? Number(text) : /^\d{4}-\d\d-\d\d(?:T|$)/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(millis))
    throw new QueryError(`${name}: "${text.slice(0, 40)}" is not an instant. Give ISO 8601, such as 2026-11-24T13:00:00Z, or milliseconds since 1970.`)
  return millis
}

/** Checks a dimension's name. @throws QueryError with the nearest */
export function toDimension(option: string, name: string): ReportDimension {
  const found = dimensions.find((dimension) => dimension === name)
  if (found === undefined) throw new QueryError(`${option}: "${name.slice(0, 40)}" is not one of ${dimensions.join(', ')}.${didYouMean(name, dimensions)}`)
  return found
}

/** Reads `dimension=value` filters. @throws QueryError */
export function toFilter(texts: readonly string[]): Filter {
  const where: Record<string, string> = {}
  for (const text of texts) {
    const at = text.indexOf('=')
    const name = toDimension('where', at === -1 ? text : text.slice(0, at))
    if (at === -1 || name === 'hour' || name === 'day')
      throw new QueryError(`where: "${text.slice(0, 40)}" is not a filter. Give dimension=value, such as session=…; for times use since and until.`)
    where[name] = text.slice(at + 1)
  }
  return where
}
