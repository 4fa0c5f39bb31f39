import type { KeyRecord, KeyRestrictions } from '@sluice/core'
import { z } from 'zod'
import { isoOrNull, withoutUndefined } from '../plain.ts'
import { reaches, type AdminActor } from '../power.ts'
import { badRequest, conflict, notFound, shown } from '../refusal.ts'
import { route, type Answer, type Route } from '../route.ts'
import type { AdminParts } from '../stores.ts'
import { budgetScope } from './subject.ts'
import { afterParameter, limitOf, limitParameter, nextField, pageOf, reasonField } from './paging.ts'

/** A key for people ends by itself: after so long, unless an instant is given. */
export const defaultKeyLifeMillis: number = 90 * 86_400_000

/** Whoever may not issue keys without an end may not do so in all but name. */
const longestOperatedLifeMillis = 366 * 86_400_000

const names = (about: string): z.ZodArray<z.ZodString> => z.array(z.string().min(1).max(200)).min(1).max(100).meta({ description: about })
const restrictions = z.strictObject({
  models: names('Models that may be asked for: exact ids, or a prefix that ends in *.').optional(),
  upstreams: names('Upstreams that its exchanges may go to.').optional(),
  budgets: names('Ids of budgets that its spend counts against besides those that cover it anyway.').optional(),
  networks: names('Networks that it may be used from, as CIDR.').optional(),
})
const tags = z.record(z.string().regex(/^[\w.-]{1,64}$/), z.string().min(1).max(256))

const keyAnswer = z.strictObject({
  id: z.string(),
  name: z.string(),
  developer: z.string(),
  scope: z.string(),
  tags: z.record(z.string(), z.string()),
  restrictions,
  state: z.enum(['active', 'expired', 'revoked']),
  createdAt: z.string(),
  expiresAt: z.string().nullable(),
  secrets: z
    .array(z.strictObject({ createdAt: z.string(), expiresAt: z.string().nullable() }))
    .meta({ description: 'The current one last; two while a rotation overlaps.' }),
  revocation: z.strictObject({ at: z.string(), reason: z.string(), isLeaked: z.boolean() }).nullable(),
})
const shownOnce = {
  key: z.string().meta({ description: 'The key itself. Shown this once.' }),
  jwt: z.string().meta({ description: 'The same key as a JWT for Claude Code, which then shows warnings and messages as they are. Shown this once.' }),
}

/** A key as the API shows it: nothing in it lets anybody in. */
export interface KeyJson {
  readonly id: string
  readonly name: string
  readonly developer: string
  readonly scope: string
  readonly tags: Readonly<Record<string, string>>
  readonly restrictions: KeyRestrictions
  readonly state: 'active' | 'expired' | 'revoked'
  readonly createdAt: string
  readonly expiresAt: string | null
  /** The current one last; two while a rotation overlaps. */
  readonly secrets: readonly { readonly createdAt: string; readonly expiresAt: string | null }[]
  readonly revocation: { readonly at: string; readonly reason: string; readonly isLeaked: boolean } | null
}

/** A key as plain JSON. */
export function toKeyJson(record: KeyRecord, now: number): KeyJson {
  const { id, name, developer, scope, revocation, expiresAt } = record
  return {
    id,
    name,
    developer,
    scope,
    tags: record.tags,
    restrictions: record.restrictions,
    state: revocation !== undefined ? 'revoked' : expiresAt !== undefined && expiresAt <= now ? 'expired' : 'active',
    createdAt: new Date(record.createdAt).toISOString(),
    expiresAt: isoOrNull(expiresAt),
    secrets: record.secrets.map((secret) => ({ createdAt: new Date(secret.createdAt).toISOString(), expiresAt: isoOrNull(secret.expiresAt) })),
    revocation: revocation === undefined ? null : { at: new Date(revocation.at).toISOString(), reason: revocation.reason, isLeaked: revocation.isLeaked },
  }
}

/** Routes of virtual keys. */
export function keyRoutes({ stores, changes, now }: AdminParts): readonly Route[] {
  const { keyRing, keys } = stores
  const seen = async (actor: AdminActor, id: string): Promise<KeyRecord> => {
    const found = await keyRing.find(id)
    if (found === undefined || !reaches(actor, found.scope)) throw notFound(id.length > 16 ? 'key of this id' : `key "${id}"`)
    return found
  }
  const once = (record: KeyRecord): string =>
    `This call was made before under the same Idempotency-Key, and its key "${record.id}" was shown then, once. Look at GET /admin/v1/keys/${record.id}; rotate it for a new text.`
  const checkBudgets = async (actor: AdminActor, ids: readonly string[] | undefined): Promise<void> => {
    if (ids === undefined) return
    const budgets = await stores.budgets.budgets()
    for (const id of ids) {
      const budget = budgets.find((candidate) => candidate.id === id)
      const scope = budget === undefined ? undefined : await budgetScope(budget.subject, keyRing)
      // Who may not see a budget may not spend it either.
      if (budget === undefined || (actor.scope !== undefined && (scope === undefined || !reaches(actor, scope)))) throw notFound(`budget "${shown(id)}"`)
    }
  }
  return [
    route({
      name: 'keys.issue',
      method: 'POST',
      path: 'keys',
      about: 'Issues a key for a scope. The key is shown in this answer and nowhere else.',
      body: z.strictObject({
        scope: z.string().min(1).max(1_000),
        name: z.string().min(1).max(100).optional(),
        developer: z
          .string()
          .regex(/^[^\s\p{Cc}]{1,100}$/u)
          .optional(),
        tags: tags.optional(),
        restrictions: restrictions.optional(),
        expiresAt: z.iso
          .datetime({ offset: true })
          .nullable()
          .optional()
          .meta({ description: 'ISO 8601; 90 days from now unless given. null: never, for services, by the role admin only, as is more than a year.' }),
        reason: reasonField.optional(),
      }),
      status: 201,
      answer: z.strictObject({ ...keyAnswer.shape, ...shownOnce }),
      handle: async ({ actor, body }): Promise<Answer> => {
        if (!reaches(actor, body.scope)) throw notFound(`scope "${shown(body.scope)}"`)
        if (body.expiresAt === null && actor.role !== 'admin')
          throw badRequest('expiresAt: a key without an end needs a token of the role admin. Give an instant, or leave it out for 90 days.')
        const expiresAt = body.expiresAt === null ? undefined : body.expiresAt === undefined ? now() + defaultKeyLifeMillis : Date.parse(body.expiresAt)
        if (expiresAt !== undefined && expiresAt <= now()) throw badRequest('expiresAt: lies in the past.')
        if (expiresAt !== undefined && expiresAt > now() + longestOperatedLifeMillis && actor.role !== 'admin')
          throw badRequest('expiresAt: an end more than a year away needs a token of the role admin. Give one that is nearer, or leave it out for 90 days.')
        await checkBudgets(actor, body.restrictions?.budgets)
        const made = await keys.issue({
          scope: body.scope,
          ...(body.name !== undefined && { name: body.name }),
          ...(body.developer !== undefined && { developer: body.developer }),
          ...(body.tags !== undefined && { tags: body.tags }),
          ...(body.restrictions !== undefined && { restrictions: withoutUndefined(body.restrictions) }),
          ...(expiresAt !== undefined && { expiresAt }),
        })
        if (made.kind === 'no-scope') throw notFound(`scope "${shown(body.scope)}"`)
        if (made.kind !== 'issued') throw conflict(`The scope "${shown(body.scope)}" is archived, so nothing is issued for it. Use another.`)
        const { record, key, jwt } = made
        const after = toKeyJson(record, now())
        await changes.handedOut(actor, { action: 'key.issue', subject: `key:${record.id}`, reason: body.reason, after }, () =>
          keys.revoke(record.id, { reason: 'its issue could not be recorded', isLeaked: false }),
        )
        return { body: { ...after, key, jwt }, onRepeat: once(record) }
      },
    }),
    route({
      name: 'keys.list',
      method: 'GET',
      path: 'keys',
      about: 'Lists keys in order of their id.',
      query: z.strictObject({ under: z.string().min(1).optional(), after: afterParameter.optional(), limit: limitParameter.optional() }),
      answer: z.strictObject({ keys: z.array(keyAnswer), next: nextField }),
      handle: async ({ actor, query }) => {
        const under = query.under ?? actor.scope
        if (under !== undefined && !reaches(actor, under)) throw notFound(`scope "${shown(under)}"`)
        const limit = limitOf(query)
        const found = await keyRing.list({ limit: limit + 1, ...(under !== undefined && { under }), ...(query.after !== undefined && { after: query.after }) })
        const { items, next } = pageOf(found, limit, ({ id }) => id)
        return { body: { keys: items.map((record) => toKeyJson(record, now())), next } }
      },
    }),
    route({
      name: 'keys.get',
      method: 'GET',
      path: 'keys/{id}',
      about: 'One key.',
      answer: keyAnswer,
      handle: async ({ actor, id }) => ({ body: toKeyJson(await seen(actor, id), now()) }),
    }),
    route({
      name: 'keys.rotate',
      method: 'POST',
      path: 'keys/{id}/rotate',
      about: 'Gives a key a new secret. The one before is taken until the overlap ends; an older one ends at once.',
      body: z.strictObject({
        overlapSeconds: z
          .int()
          .min(0)
          .max(30 * 86_400)
          .optional()
          .meta({ description: 'A day unless given.' }),
        reason: reasonField.optional(),
      }),
      answer: z.strictObject({ ...keyAnswer.shape, ...shownOnce }),
      handle: async ({ actor, id, body }): Promise<Answer> => {
        const before = await seen(actor, id)
        if (before.revocation !== undefined) throw conflict(`The key "${id}" is revoked. Issue a new one.`)
        const overlapSeconds = body.overlapSeconds ?? 86_400
        const change = { action: 'key.rotate', subject: `key:${id}`, reason: body.reason, before: toKeyJson(before, now()), after: { overlapSeconds } }
        const made = await changes.recorded(actor, change, async () => {
          const result = await keys.rotate(id, { overlapMillis: overlapSeconds * 1000 })
          if (result.kind === 'no-key') throw conflict(`The key "${id}" is revoked or has expired. Issue a new one.`)
          return result
        })
        return { body: { ...toKeyJson(made.record, now()), key: made.key, jwt: made.jwt }, onRepeat: once(made.record) }
      },
    }),
    route({
      name: 'keys.revoke',
      method: 'POST',
      path: 'keys/{id}/revoke',
      about: 'Withdraws a key; every gateway refuses it within five seconds. One that leaked has its open streams cut too.',
      body: z.strictObject({ reason: reasonField, isLeaked: z.boolean().optional() }),
      answer: keyAnswer,
      handle: async ({ actor, id, body }) => {
        const before = await seen(actor, id)
        const revocation = { reason: body.reason, isLeaked: body.isLeaked ?? false }
        const change = { action: 'key.revoke', subject: `key:${id}`, reason: body.reason, before: toKeyJson(before, now()), after: { revocation } }
        await changes.withdrawn(actor, change, () => keys.revoke(id, revocation))
        return { body: toKeyJson(await seen(actor, id), now()) }
      },
    }),
  ]
}
