import type { ReportDimension, ReportQuery } from '@sluice/core'
import { z } from 'zod'
import { badRequest, shown } from '../refusal.ts'
import { dimensions } from './report-json.ts'
import { isTimeZone } from './time-zone.ts'

type Filter = NonNullable<ReportQuery['where']>

const instant = z.string().min(1).max(40).meta({ description: 'ISO 8601, or milliseconds since 1970.' })

/** Parameters that say which exchanges a question is about. */
export interface SpanInput {
  readonly since?: string | undefined
  readonly until?: string | undefined
  readonly where?: readonly string[] | undefined
}

/** The schema's fields of {@link SpanInput}. */
export const spanFields: { since: z.ZodOptional<z.ZodString>; until: z.ZodOptional<z.ZodString>; where: z.ZodOptional<z.ZodArray<z.ZodString>> } = {
  since: instant.optional(),
  until: instant.optional(),
  where: z.array(z.string().max(600)).max(20).optional().meta({ description: 'dimension=value, such as session=…: only these.' }),
}

/** Reads a span. @throws Refusal */
export function toSpan({ since, until, where }: SpanInput): Pick<ReportQuery, 'since' | 'until' | 'where'> {
  return {
    ...(since !== undefined && { since: toMillis('since', since) }),
    ...(until !== undefined && { until: toMillis('until', until) }),
    where: toFilter(where ?? []),
  }
}

/** Reads an instant. @throws Refusal */
export function toMillis(name: string, text: string): number {
  const millis = /^\d{1,15}$/.test(text) ? Number(text) : /^\d{4}-\d\d-\d\d(?:T|$)/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(millis))
    throw badRequest(`${name}: "${shown(text, 40)}" is not an instant. Give ISO 8601, such as 2026-11-24T13:00:00Z, or milliseconds since 1970.`)
  return millis
}

/** Parameters of a report. */
export interface ReportInput extends SpanInput {
  readonly groupBy?: readonly string[] | undefined
  readonly timeZone?: string | undefined
  readonly percentiles?: string | undefined
  readonly limit?: string | undefined
}

/** Reads the parameters of a report; percentiles are on unless `false`. @throws Refusal naming the parameter, what was seen, and what there is */
export function toReportQuery(input: ReportInput, timeZone: string): ReportQuery {
  const groupBy = (input.groupBy ?? []).flatMap((list) => list.split(',').filter((name) => name !== ''))
  return {
    groupBy: [...new Set(groupBy.map((name) => toDimension('groupBy', name)))],
    ...toSpan(input),
    timeZone: toZone(input.timeZone ?? timeZone),
    percentiles: input.percentiles !== 'false',
    ...(input.limit !== undefined && { limit: Number(input.limit) }),
  }
}

/** Checks a time zone. @throws Refusal */
export function toZone(name: string): string {
  if (!isTimeZone(name)) throw badRequest(`timeZone: "${shown(name)}" is not known. Give an IANA name, such as Europe/Berlin.`)
  return name
}

/** Checks a dimension's name. @throws Refusal with those that there are */
export function toDimension(parameter: string, name: string): ReportDimension {
  const found = dimensions.find((dimension) => dimension === name)
  if (found === undefined) throw badRequest(`${parameter}: "${shown(name, 40)}" is not one of ${dimensions.join(', ')}.`)
  return found
}

function toFilter(texts: readonly string[]): Filter {
  const where: Record<string, string> = {}
  for (const text of texts) {
    const at = text.indexOf('=')
    const name = toDimension('where', at === -1 ? text : text.slice(0, at))
    if (at === -1 || name === 'hour' || name === 'day')
      throw badRequest(`where: "${shown(text, 40)}" is not a filter. Give dimension=value, such as session=…; for times use since and until.`)
    if (Object.hasOwn(where, name)) throw badRequest(`where: ${name} is given twice. An exchange has one ${name}.`)
    where[name] = text.slice(at + 1)
  }
  return where
}
