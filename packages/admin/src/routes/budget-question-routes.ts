import { budgetStatus, type Budget, type KeyRecord } from '@sluice/core'
import { z } from 'zod'
import { effectOf, strongest, type Effect, type Spender } from '../effective.ts'
import { reaches, type AdminActor } from '../power.ts'
import { badRequest, notFound, shown } from '../refusal.ts'
import { route, type Route } from '../route.ts'
import type { AdminParts } from '../stores.ts'
import { budgetStatusAnswer, toBudgetStatusJson, type BudgetStatusJson } from './budget-json.ts'
import { reachesSubject, warningSchema, type Warning } from './subject.ts'

const text = z.string().min(1).max(1_000)
const tagParameter = z.string().regex(/^[\w.-]{1,64}=.{1,256}$/, 'give name=value')

/** Pages of keys that a question about a developer reads at most. */
const mostPages = 20
const pageSize = 500

/** Routes that ask how budgets stand, and which of them count for whom. */
export function budgetQuestionRoutes({ stores, now }: AdminParts): readonly Route[] {
  const { budgets, keyRing, scopes } = stores
  const visibleTo = async (actor: AdminActor, all: readonly Budget[]): Promise<readonly Budget[]> => {
    const found: Budget[] = []
    for (const budget of all) if (await reachesSubject(actor, budget.subject, keyRing)) found.push(budget)
    return found
  }
  const statusOf = async (budget: Budget, member: string | undefined): Promise<BudgetStatusJson> => {
    const whose = budget.sharing === 'each' || budget.maxSharePercent !== undefined ? member : undefined
    return toBudgetStatusJson(await budgetStatus(budgets, budget, now(), whose), whose)
  }
  const keysOf = async (actor: AdminActor, developer: string): Promise<readonly KeyRecord[]> => {
    const found: KeyRecord[] = []
    let after: string | undefined
    for (let page = 0; page < mostPages; page += 1) {
      const records = await keyRing.list({ limit: pageSize, ...(actor.scope !== undefined && { under: actor.scope }), ...(after !== undefined && { after }) })
      found.push(...records.filter((record) => record.developer === developer && record.revocation === undefined))
      after = records.at(-1)?.id
      if (records.length < pageSize) break
    }
    return found
  }
  return [
    route({
      name: 'budgets.status',
      method: 'GET',
      path: 'budgets/status',
      about: 'How the budgets of a scope, a key, a tag or a model stand, the tightest first. Only those that are set on just that.',
      query: z.strictObject({
        scope: text.optional(),
        key: text.optional(),
        tag: tagParameter.optional().meta({ description: 'name=value' }),
        model: text.optional(),
        member: text.optional().meta({ description: 'Whose pot, where each developer has one.' }),
      }),
      answer: z.strictObject({ budgets: z.array(budgetStatusAnswer) }),
      handle: async ({ actor, query }) => {
        if (query.scope !== undefined && !reaches(actor, query.scope)) throw notFound(`scope "${shown(query.scope)}"`)
        const [name, value] = split(query.tag)
        const found = (await visibleTo(actor, await budgets.budgets())).filter(
          ({ subject }) =>
            (query.scope === undefined || subject.scope === query.scope) &&
            (query.key === undefined || subject.key === query.key) &&
            (query.model === undefined || subject.model === query.model) &&
            (query.tag === undefined || (subject.tag?.name === name && subject.tag?.value === value)),
        )
        const standing: BudgetStatusJson[] = []
        for (const budget of found) standing.push(await statusOf(budget, query.member))
        return { body: { budgets: standing.toSorted((left, right) => right.utilization - left.utilization) } }
      },
    }),
    route({
      name: 'budgets.effective',
      method: 'GET',
      path: 'budgets/effective',
      about: 'Which budgets count what somebody spends, why, and how they stand. Says so where a name matches nobody.',
      query: z.strictObject({
        developer: text.optional(),
        scope: text.optional(),
        key: text.optional(),
        model: text.optional(),
        repository: text.optional(),
        session: text.optional(),
        tag: z.array(tagParameter).max(20).optional().meta({ description: 'name=value, as a client declares it.' }),
      }),
      answer: z.strictObject({
        keys: z.array(z.string()).meta({ description: 'Keys that the question is about, where it names a developer or a key.' }),
        budgets: z.array(
          z
            .strictObject({ applies: z.enum(['yes', 'depends']), because: z.array(z.string()), status: budgetStatusAnswer })
            .meta({ description: 'depends: on what was not asked.' }),
        ),
        outside: z.number().meta({ description: 'How many more count that this token may not see.' }),
        warnings: z.array(warningSchema),
      }),
      handle: async ({ actor, query }) => {
        if (query.developer === undefined && query.scope === undefined && query.key === undefined) throw badRequest('Name a developer, a scope or a key.')
        const warnings: Warning[] = []
        if (query.scope !== undefined) {
          if (!reaches(actor, query.scope)) throw notFound(`scope "${shown(query.scope)}"`)
          if ((await scopes.lineage(query.scope)) === undefined)
            warnings.push({ code: 'unknown-scope', message: `There is no scope "${shown(query.scope)}". List scopes to find it.` })
        }
        let records: readonly KeyRecord[] = []
        if (query.key !== undefined) {
          const record = await keyRing.find(query.key)
          if (record === undefined || !reaches(actor, record.scope)) throw notFound(`key "${shown(query.key)}"`)
          records = [record]
        } else if (query.developer !== undefined) {
          records = await keysOf(actor, query.developer)
          if (records.length === 0)
            warnings.push({
              code: 'unknown-developer',
              message: `No key belongs to the developer "${shown(query.developer)}": caps on that name match nobody. List keys to see the names.`,
            })
        }
        const tags: Record<string, string> = Object.fromEntries((query.tag ?? []).map(split))
        if (query.repository !== undefined) tags['repository'] = query.repository
        if (query.session !== undefined) tags['session'] = query.session
        const asked = { tags, ...(query.model !== undefined && { model: query.model }), ...(query.scope !== undefined && { scope: query.scope }) }
        const developer = query.developer ?? records[0]?.developer
        const spenders: readonly Spender[] =
          records.length > 0
            ? records.map((record) => ({
                ...asked,
                key: record.id,
                scope: record.scope,
                developer: record.developer,
                keyTags: record.tags,
                budgets: record.restrictions.budgets ?? [],
              }))
            : [{ ...asked, keyTags: {}, budgets: [], ...(developer !== undefined && { developer }) }]
        const found: { readonly applies: 'yes' | 'depends'; readonly because: readonly string[]; readonly status: BudgetStatusJson }[] = []
        let outside = 0
        // Nobody was found, so nothing can be said to count.
        const isNobody = query.scope === undefined && records.length === 0
        for (const budget of isNobody ? [] : await budgets.budgets()) {
          const { applies, because }: Effect = strongest(spenders.map((spender) => effectOf(budget, spender)))
          if (applies === 'no') continue
          if (await reachesSubject(actor, budget.subject, keyRing)) found.push({ applies, because, status: await statusOf(budget, developer) })
          else outside += 1
        }
        return {
          body: {
            keys: records.map(({ id }) => id),
            budgets: found.toSorted((left, right) => right.status.utilization - left.status.utilization),
            outside,
            warnings,
          },
        }
      },
    }),
  ]
}

function split(text: string | undefined): [string, string] {
  const at = text?.indexOf('=') ?? -1
  return at === -1 || text === undefined ? ['', ''] : [text.slice(0, at), text.slice(at + 1)]
}
