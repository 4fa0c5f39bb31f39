import type { LedgerEntry } from '@sluice/core'
import { z } from 'zod'
import { exchangeAnswer, toExchangeJson } from '../reports/exchange-json.ts'
import { emptyTotal, reportRowAnswer, toReportRowJson } from '../reports/report-json.ts'
import { spanFields, toMillis, toReportQuery } from '../reports/report-query.ts'
import { isEntryWithin, withinScope } from '../reports/within-scope.ts'
import { route, type Route } from '../route.ts'
import type { AdminParts } from '../stores.ts'

/** The newest exchanges that a list for a bounded token looks through. */
const mostLookedThrough = 10_000

/** Routes that read the ledger, and what the gateway says of itself. */
export function reportRoutes({ stores, gateway, timeZone }: AdminParts): readonly Route[] {
  const { ledger, scopes } = stores
  return [
    route({
      name: 'report',
      method: 'GET',
      path: 'report',
      about: 'What was spent, grouped, dearest first.',
      query: z.strictObject({
        groupBy: z.array(z.string().max(400)).max(20).optional().meta({ description: 'Dimensions, also several joined by commas; without any, one total.' }),
        ...spanFields,
        timeZone: z.string().max(100).optional(),
        percentiles: z
          .enum(['true', 'false'])
          .optional()
          .meta({ description: 'false leaves out firstByteMillis and durationMillis, which cost a store more.' }),
        limit: z
          .string()
          .regex(/^[1-9]\d{0,5}$/, 'give a number from 1 to 999999')
          .optional()
          .meta({ description: 'At most so many rows, the dearest. All, where it is left out.' }),
      }),
      answer: z.strictObject({ rows: z.array(reportRowAnswer) }),
      handle: async ({ actor, query }) => {
        const asked = toReportQuery(query, timeZone)
        const allowed = await withinScope(actor, asked, scopes)
        const rows = allowed === undefined ? [] : (await ledger.report(allowed)).map(toReportRowJson)
        return { body: { rows: rows.length === 0 && asked.groupBy.length === 0 ? [emptyTotal] : rows } }
      },
    }),
    route({
      name: 'exchanges',
      method: 'GET',
      path: 'exchanges',
      about: 'Exchanges one by one, newest first.',
      query: z.strictObject({
        since: spanFields.since,
        until: spanFields.until,
        id: z.string().max(200).optional().meta({ description: 'An exchange id, an upstream request id or a message id.' }),
        session: z.string().max(400).optional(),
        limit: z
          .string()
          .regex(/^(?:[1-9]\d{0,3}|10000)$/, 'give a number from 1 to 10000')
          .optional(),
      }),
      answer: z.strictObject({ exchanges: z.array(exchangeAnswer) }),
      handle: async ({ actor, query }) => {
        const limit = query.limit === undefined ? 100 : Number(query.limit)
        const found: readonly LedgerEntry[] = await ledger.exchanges({
          limit: actor.scope === undefined ? limit : mostLookedThrough,
          ...(query.since !== undefined && { since: toMillis('since', query.since) }),
          ...(query.until !== undefined && { until: toMillis('until', query.until) }),
          ...(query.id !== undefined && { id: query.id }),
          ...(query.session !== undefined && { session: query.session }),
        })
        return {
          body: {
            exchanges: found
              .filter((entry) => isEntryWithin(actor, entry))
              .slice(0, limit)
              .map(toExchangeJson),
          },
        }
      },
    }),
    route({
      name: 'gateway',
      method: 'GET',
      path: 'gateway',
      about: 'What the gateway says of itself.',
      answer: z.strictObject({ version: z.string(), authentication: z.enum(['none', 'key', 'client-credential']), isRehearsal: z.boolean() }),
      handle: () => Promise.resolve({ body: gateway }),
    }),
  ]
}
