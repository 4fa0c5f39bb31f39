import type { AuditRecord } from '@sluice/core'
import { z } from 'zod'
import { route, type Route } from '../route.ts'
import type { AdminParts } from '../stores.ts'
import { limitOf, limitParameter, pageOf } from './paging.ts'

const record = z.strictObject({
  sequence: z.number(),
  at: z.string(),
  actor: z.string(),
  action: z.string(),
  subject: z.string(),
  reason: z.string().nullable(),
  content: z.unknown().meta({ description: 'What was so `before`, and is `after`; null where it was erased.' }),
  contentHash: z.string(),
  previousHash: z.string(),
  hash: z.string(),
})

function toRecordJson({ at, reason, content, ...rest }: AuditRecord): object {
  return { ...rest, at: new Date(at).toISOString(), reason: reason ?? null, content: content === undefined ? null : (JSON.parse(content) as unknown) }
}

/** Routes of the audit log. It is not kept by scope, so they are for tokens that none bounds. */
export function auditRoutes({ stores, trail }: AdminParts): readonly Route[] {
  return [
    route({
      name: 'audit.read',
      method: 'GET',
      path: 'audit',
      about: 'Reads the audit log in order.',
      query: z.strictObject({
        after: z
          .string()
          .regex(/^\d{1,15}$/, 'give the sequence of a record')
          .optional(),
        limit: limitParameter.optional(),
        subject: z.string().min(1).max(1_100).optional().meta({ description: 'Only changes of this: key:ID, scope:PATH, budget:ID, limit:ID.' }),
      }),
      answer: z.strictObject({ records: z.array(record), next: z.string().nullable() }),
      handle: async ({ query }) => {
        const limit = limitOf(query)
        const found = await stores.audit.read({
          limit: limit + 1,
          ...(query.after !== undefined && { after: Number(query.after) }),
          ...(query.subject !== undefined && { subject: query.subject }),
        })
        const { items, next } = pageOf(found, limit, ({ sequence }) => String(sequence))
        return { body: { records: items.map(toRecordJson), next } }
      },
    }),
    route({
      name: 'audit.verify',
      method: 'GET',
      path: 'audit/verify',
      about: 'Checks the chain of the whole audit log: nothing was changed, left out or put in.',
      answer: z.discriminatedUnion('kind', [
        z.strictObject({
          kind: z.literal('intact'),
          records: z.number(),
          last: z
            .strictObject({ sequence: z.number(), hash: z.string() })
            .optional()
            .meta({ description: 'Note it elsewhere: an end that was cut off shows only against that.' }),
        }),
        z.strictObject({ kind: z.literal('broken'), sequence: z.number(), what: z.string() }),
      ]),
      handle: async () => ({ body: await trail.verify() }),
    }),
  ]
}
