import { canonicalJson, rateLimitOf, type RateLimit } from '@sluice/core'
import { z } from 'zod'
import { sha256Hex, withoutUndefined } from '../plain.ts'
import type { AdminActor } from '../power.ts'
import { badRequest, shown } from '../refusal.ts'
import { route, type Answer, type Route } from '../route.ts'
import type { AdminParts } from '../stores.ts'
import { countedThings, definedFields } from './counted-things.ts'
import { afterParameter, limitParameter, nextField, reasonField } from './paging.ts'
import { subjectSchema } from './subject.ts'

const each = z.enum(['all', 'key', 'developer', 'session'])
const unit = z.enum(['requests', 'fresh-input-tokens', 'output-tokens', 'nano-usd', 'concurrency', 'sessions'])
const consistency = z.enum(['local', 'shared', 'leased'])

const definition = {
  name: z.string().min(1).max(100).optional(),
  subject: subjectSchema,
  each: each.optional().meta({ description: 'all unless given: one count for everybody that the subject covers.' }),
  unit,
  amount: z.int().min(1).meta({ description: 'So many per perMillis; of concurrency and sessions, so many at a time.' }),
  perMillis: z
    .int()
    .min(1_000)
    .max(7 * 86_400_000)
    .optional()
    .meta({ description: 'A minute unless given.' }),
  consistency: consistency.optional().meta({ description: 'shared unless given.' }),
  queueMillis: z
    .int()
    .min(0)
    .max(600_000)
    .optional()
    .meta({ description: 'How long an exchange may wait for its turn: 30 s for concurrency, else 0, unless given.' }),
  version: z.int().min(0).optional().meta({ description: 'The version that is to be replaced, 0 for none: refused where it is another by now.' }),
  reason: reasonField.optional(),
}
const definitionSchema = z.strictObject(definition)
type Definition = z.infer<typeof definitionSchema>

const limitAnswer = z.strictObject({
  id: z.string(),
  name: z.string(),
  subject: z.strictObject({
    scope: z.string().optional(),
    key: z.string().optional(),
    tag: z.strictObject({ name: z.string(), value: z.string() }).optional(),
    model: z.string().optional(),
  }),
  each,
  unit,
  amount: z.number(),
  perMillis: z.number(),
  consistency,
  queueMillis: z.number(),
  createdAt: z.string(),
  version: z.number(),
})
const defined = z.strictObject({ limit: limitAnswer, ...definedFields })

function toLimitJson(limit: RateLimit): object {
  return { ...limit, createdAt: new Date(limit.createdAt).toISOString() }
}

/** Routes of rate limits. */
export function limitRoutes(parts: AdminParts): readonly Route[] {
  const { now } = parts
  const { rates } = parts.stores
  const things = countedThings<RateLimit>(
    { noun: 'limit', all: () => rates.limits(), define: (limit) => rates.define(limit), remove: (id) => rates.remove(id), toJson: toLimitJson },
    parts,
  )
  const define = async (actor: AdminActor, id: string, input: Definition): Promise<Answer> => {
    if (input.unit === 'sessions' && input.each === 'session')
      throw badRequest('each: a session cannot be counted for each session. Give all, key or developer.')
    return things.define(actor, id, input, (before) =>
      rateLimitOf({
        id,
        name: input.name ?? nameOf(input),
        subject: withoutUndefined(input.subject),
        each: input.each ?? 'all',
        unit: input.unit,
        amount: input.amount,
        perMillis: input.perMillis ?? 60_000,
        consistency: input.consistency ?? 'shared',
        queueMillis: input.queueMillis ?? (input.unit === 'concurrency' ? 30_000 : 0),
        createdAt: before?.createdAt ?? now(),
        version: (before?.version ?? 0) + 1,
      }),
    )
  }
  return [
    route({
      name: 'limits.define',
      method: 'POST',
      path: 'limits',
      about: 'Sets a limit. Without an id it takes the place of the one with the same subject, unit and each.',
      body: z.strictObject({
        id: z
          .string()
          .regex(/^[A-Za-z0-9_-]{1,64}$/)
          .optional(),
        ...definition,
      }),
      status: 201,
      answer: defined,
      handle: async ({ actor, body: { id, ...input } }) => define(actor, id ?? (await idOf(input)), input),
    }),
    route({
      name: 'limits.put',
      method: 'PUT',
      path: 'limits/{id}',
      about: 'Sets the limit of this id as a whole: what is not given takes its default.',
      body: definitionSchema,
      answer: defined,
      handle: async ({ actor, id, body }) => define(actor, id, body),
    }),
    route({
      name: 'limits.list',
      method: 'GET',
      path: 'limits',
      about: 'Lists limits in order of their id.',
      query: z.strictObject({ after: afterParameter.optional(), limit: limitParameter.optional() }),
      answer: z.strictObject({ limits: z.array(limitAnswer), next: nextField }),
      handle: async ({ actor, query }) => {
        const { items, next } = await things.page(actor, query)
        return { body: { limits: items, next } }
      },
    }),
    route({
      name: 'limits.remove',
      method: 'DELETE',
      path: 'limits/{id}',
      about: 'Removes a limit.',
      query: z.strictObject({ reason: reasonField.optional() }),
      answer: z.strictObject({ removed: z.string() }),
      handle: ({ actor, id, query }) => things.remove(actor, id, query.reason),
    }),
  ]
}

async function idOf({ subject, unit: counted, each: whom }: Pick<Definition, 'subject' | 'unit' | 'each'>): Promise<string> {
  return `lm_${(await sha256Hex(canonicalJson({ subject: withoutUndefined(subject), unit: counted, each: whom ?? 'all' }))).slice(0, 16)}`
}

function nameOf({ subject: { scope, key, tag, model }, unit: counted }: Definition): string {
  const what = [scope, key === undefined ? undefined : `key ${key}`, tag === undefined ? undefined : `${tag.name} ${tag.value}`, model].filter(
    (part) => part !== undefined,
  )
  return shown(`${what.join(', ')} (${counted})`, 100)
}
