import { checkScopePath, levelBelow, parentOf, scopeLevels, type Scope, type ScopeLevel } from '@sluice/core'
import { z } from 'zod'
import { isoOrNull } from '../plain.ts'
import { reaches, type AdminActor } from '../power.ts'
import { badRequest, conflict, notFound, shown } from '../refusal.ts'
import { route, type Route } from '../route.ts'
import type { AdminParts } from '../stores.ts'
import { afterParameter, limitOf, limitParameter, nextField, pageOf, reasonField } from './paging.ts'

const level = z.enum(scopeLevels as readonly [ScopeLevel, ...ScopeLevel[]])
const path = z.string().min(1).max(1_000).meta({ description: 'Names from the organisation down, joined by slashes.' })
const scopeAnswer = z.strictObject({ path: z.string(), level, createdAt: z.string(), archivedAt: z.string().nullable() })

/** A scope as the API shows it. */
export interface ScopeJson {
  readonly path: string
  readonly level: ScopeLevel
  readonly createdAt: string
  readonly archivedAt: string | null
}

/** A scope as plain JSON. */
function toScopeJson({ path, level, createdAt, archivedAt }: Scope): ScopeJson {
  return { path, level, createdAt: new Date(createdAt).toISOString(), archivedAt: isoOrNull(archivedAt) }
}

/** Routes of the scope tree. Paths go in bodies and queries, never in a URL's path. */
export function scopeRoutes({ stores: { scopes }, changes, now }: AdminParts): readonly Route[] {
  const seen = async (actor: AdminActor, wanted: string): Promise<Scope> => {
    const found = reaches(actor, wanted) ? (await scopes.lineage(wanted))?.at(-1) : undefined
    if (found === undefined) throw notFound(`scope "${shown(wanted)}"`)
    return found
  }
  /** The scopes to add for a path, from the top down, each with its level. */
  const missing = async (wanted: string, asked: ScopeLevel | undefined): Promise<readonly Scope[]> => {
    const paths: string[] = []
    let known: readonly Scope[] | undefined
    for (let at: string | undefined = wanted; at !== undefined; at = parentOf(at)) {
      known = await scopes.lineage(at)
      if (known !== undefined) break
      paths.unshift(at)
    }
    let above = known?.at(-1)?.level
    return paths.map((one) => {
      const own: ScopeLevel | undefined = one === wanted && asked !== undefined ? asked : levelBelow(above)
      if (own === undefined) throw badRequest(`path: "${shown(one)}" would lie below a developer. Leave names out, or give a level.`)
      above = own
      return { path: one, level: own, createdAt: now() }
    })
  }
  const add = async (actor: AdminActor, scope: Scope): Promise<Scope> => {
    const addition = await changes.recorded(actor, { action: 'scope.add', subject: `scope:${scope.path}`, after: toScopeJson(scope) }, async () => {
      const result = await scopes.add(scope)
      if ('scope' in result) return result.scope
      if (result.kind === 'no-parent') throw conflict(`The scope above "${shown(scope.path)}" is not there. Add it first, or send "parents": true.`)
      throw badRequest(`level: "${scope.level}" is not deeper than that of the scope above "${shown(scope.path)}".`)
    })
    return addition
  }
  return [
    route({
      name: 'scopes.add',
      method: 'POST',
      path: 'scopes',
      about: 'Adds a scope; one that is there is answered as it is.',
      body: z.strictObject({ path, level: level.optional(), parents: z.boolean().optional().meta({ description: 'Adds missing scopes above it too.' }) }),
      status: 201,
      answer: z.strictObject({ scope: scopeAnswer, added: z.array(z.string()).meta({ description: 'Paths that were not there before.' }) }),
      handle: async ({ actor, body }) => {
        checkScopePath(body.path)
        if (!reaches(actor, body.path)) throw notFound(`scope "${shown(body.path)}"`)
        const lacking = await missing(body.path, body.level)
        // A bounded token makes nothing beside its own tree, not even on the way to it.
        if (lacking.some(({ path: one }) => !reaches(actor, one))) throw notFound(`scope "${shown(actor.scope ?? '')}"`)
        if (lacking.length > 1 && body.parents !== true)
          throw conflict(`The scope "${shown(lacking[0]?.path ?? '')}" is not there. Add it first, or send "parents": true.`)
        for (const scope of lacking) await add(actor, scope)
        return {
          status: lacking.length === 0 ? 200 : 201,
          body: { scope: toScopeJson(await seen(actor, body.path)), added: lacking.map(({ path: one }) => one) },
        }
      },
    }),
    route({
      name: 'scopes.list',
      method: 'GET',
      path: 'scopes',
      about: 'Lists scopes in order of their path.',
      query: z.strictObject({ under: path.optional(), after: afterParameter.optional(), limit: limitParameter.optional() }),
      answer: z.strictObject({ scopes: z.array(scopeAnswer), next: nextField }),
      handle: async ({ actor, query }) => {
        const under = query.under ?? actor.scope
        if (under !== undefined && !reaches(actor, under)) throw notFound(`scope "${shown(under)}"`)
        const limit = limitOf(query)
        const found = await scopes.list({ limit: limit + 1, ...(under !== undefined && { under }), ...(query.after !== undefined && { after: query.after }) })
        const { items, next } = pageOf(found, limit, (scope) => scope.path)
        return { body: { scopes: items.map(toScopeJson), next } }
      },
    }),
    route({
      name: 'scopes.get',
      method: 'GET',
      path: 'scope',
      about: 'One scope, by its path.',
      query: z.strictObject({ path }),
      answer: scopeAnswer,
      handle: async ({ actor, query }) => ({ body: toScopeJson(await seen(actor, query.path)) }),
    }),
    route({
      name: 'scopes.archive',
      method: 'POST',
      path: 'scopes/archive',
      about: 'Archives a scope: nothing may be issued for it any more. What was spent stays.',
      body: z.strictObject({ path, reason: reasonField.optional() }),
      answer: scopeAnswer,
      handle: async ({ actor, body }) => {
        const before = await seen(actor, body.path)
        const archivedAt = before.archivedAt ?? now()
        await changes.withdrawn(
          actor,
          {
            action: 'scope.archive',
            subject: `scope:${before.path}`,
            reason: body.reason,
            before: toScopeJson(before),
            after: toScopeJson({ ...before, archivedAt }),
          },
          () => scopes.archive(before.path, archivedAt),
        )
        return { body: toScopeJson(await seen(actor, body.path)) }
      },
    }),
  ]
}
