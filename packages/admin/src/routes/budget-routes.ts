import { budgetStatus, checkBudget, type Budget } from '@sluice/core'
import { z } from 'zod'
import { withoutUndefined } from '../plain.ts'
import type { AdminActor } from '../power.ts'
import { badRequest, conflict, LostRace, notFound, shown, untilFirst } from '../refusal.ts'
import { route, type Answer, type Route } from '../route.ts'
import type { AdminParts } from '../stores.ts'
import { amountField, budgetIdOf, budgetInput, budgetInputWithId, toBudget, type BudgetInput } from './budget-definition.ts'
import { budgetAnswer, budgetStatusAnswer, toBudgetAnswer, toBudgetStatusJson, type BudgetStatusJson } from './budget-json.ts'
import { afterParameter, limitOf, limitParameter, nextField, pageOf, reasonField } from './paging.ts'
import { matchesOfSubject, reachesSubject, warningSchema } from './subject.ts'

const defined = z.strictObject({
  budget: budgetAnswer,
  isNew: z.boolean(),
  matches: z.strictObject({ keys: z.number().nullable() }),
  warnings: z.array(warningSchema),
})

/** Routes of budgets, but for the questions about how they stand. */
export function budgetRoutes({ stores, changes, now, timeZone }: AdminParts): readonly Route[] {
  const { budgets, keyRing } = stores
  const find = async (id: string): Promise<Budget | undefined> => (await budgets.budgets()).find((budget) => budget.id === id)
  const seen = async (actor: AdminActor, id: string): Promise<Budget> => {
    const found = await find(id)
    if (found === undefined || !(await reachesSubject(actor, found.subject, keyRing))) throw notFound(`budget "${shown(id)}"`)
    return found
  }
  const define = async (actor: AdminActor, id: string, input: BudgetInput): Promise<Answer> => {
    const subject = withoutUndefined(input.subject)
    if (!(await reachesSubject(actor, subject, keyRing))) throw notFound(`budget or scope for this subject`)
    const { version, reason } = input
    return untilFirst(version !== undefined, async () => {
      const before = await find(id)
      // A budget of somebody else must not become one's own by taking its id.
      if (before !== undefined && !(await reachesSubject(actor, before.subject, keyRing))) throw notFound(`budget "${shown(id)}"`)
      if (version !== undefined && version !== (before?.version ?? 0))
        throw conflict(`version: the budget "${id}" is at ${before?.version ?? 0} by now. Read it again, and decide again.`)
      const after = toBudget(input, {
        id,
        timeZone,
        raises: before?.raises ?? [],
        createdAt: before?.createdAt ?? now(),
        version: (before?.version ?? 0) + 1,
      })
      await keep(actor, 'budget.define', before, after, reason)
      const { keys, warnings } = await matchesOfSubject(subject, stores)
      return { status: before === undefined ? 201 : 200, body: { budget: toBudgetAnswer(after), isNew: before === undefined, matches: { keys }, warnings } }
    })
  }
  const keep = (actor: AdminActor, action: string, before: Budget | undefined, after: Budget, reason: string | undefined): Promise<void> => {
    const change = {
      action,
      subject: `budget:${after.id}`,
      reason,
      after: toBudgetAnswer(after),
      ...(before !== undefined && { before: toBudgetAnswer(before) }),
    }
    return changes.recorded(actor, change, async () => {
      if (!(await budgets.define(after))) throw new LostRace(`The budget "${after.id}"`)
    })
  }
  const raise = (actor: AdminActor, id: string, added: Budget['raises'][number]): Promise<Budget> =>
    untilFirst(false, async () => {
      const before = await seen(actor, id)
      // Raises that have ended go when the next one comes, so that they do not pile up; the audit log keeps them.
      const after = checkBudget({ ...before, raises: [...before.raises.filter((old) => old.until > now()), added], version: before.version + 1 })
      await keep(actor, 'budget.raise', before, after, added.reason)
      return after
    })
  return [
    route({
      name: 'budgets.define',
      method: 'POST',
      path: 'budgets',
      about: 'Sets a budget. Without an id it takes the place of the one with the same subject, unit, window and sharing.',
      body: budgetInputWithId,
      status: 201,
      answer: defined,
      handle: async ({ actor, body: { id, ...input } }) => define(actor, id ?? (await budgetIdOf(input, timeZone)), input),
    }),
    route({
      name: 'budgets.put',
      method: 'PUT',
      path: 'budgets/{id}',
      about: 'Sets the budget of this id as a whole: what is not given takes its default. Raises stay.',
      body: budgetInput,
      answer: defined,
      handle: async ({ actor, id, body }) => define(actor, id, body),
    }),
    route({
      name: 'budgets.list',
      method: 'GET',
      path: 'budgets',
      about: 'Lists budgets in order of their id.',
      query: z.strictObject({ after: afterParameter.optional(), limit: limitParameter.optional() }),
      answer: z.strictObject({ budgets: z.array(budgetAnswer), next: nextField }),
      handle: async ({ actor, query }) => {
        const visible: Budget[] = []
        const limit = limitOf(query)
        for (const budget of await budgets.budgets()) {
          if (query.after !== undefined && budget.id <= query.after) continue
          if (visible.length > limit) break
          if (await reachesSubject(actor, budget.subject, keyRing)) visible.push(budget)
        }
        const { items, next } = pageOf(visible, limit, ({ id }) => id)
        return { body: { budgets: items.map(toBudgetAnswer), next } }
      },
    }),
    route({
      name: 'budgets.get',
      method: 'GET',
      path: 'budgets/{id}',
      about: 'One budget, and how it stands.',
      query: z.strictObject({ member: z.string().min(1).max(256).optional().meta({ description: 'Whose pot, where each developer has one.' }) }),
      answer: budgetStatusAnswer,
      handle: async ({ actor, id, query }): Promise<{ body: BudgetStatusJson }> => {
        const budget = await seen(actor, id)
        return { body: toBudgetStatusJson(await budgetStatus(budgets, budget, now(), query.member), query.member) }
      },
    }),
    route({
      name: 'budgets.remove',
      method: 'DELETE',
      path: 'budgets/{id}',
      about: 'Removes a budget. What was spent stays in the ledger.',
      query: z.strictObject({ reason: reasonField.optional() }),
      answer: z.strictObject({ removed: z.string() }),
      handle: async ({ actor, id, query }) => {
        const before = await seen(actor, id)
        const change = { action: 'budget.remove', subject: `budget:${id}`, reason: query.reason, before: toBudgetAnswer(before) }
        await changes.recorded(actor, change, async () => {
          if (!(await budgets.remove(id))) throw notFound(`budget "${shown(id)}"`)
        })
        return { body: { removed: id } }
      },
    }),
    route({
      name: 'budgets.raise',
      method: 'POST',
      path: 'budgets/{id}/raises',
      about: 'Raises a budget until an instant; nothing has to be undone then.',
      body: z.strictObject({ amount: amountField, until: z.iso.datetime({ offset: true }), reason: reasonField }),
      status: 201,
      answer: budgetAnswer,
      handle: async ({ actor, id, body }) => {
        const until = Date.parse(body.until)
        if (until <= now()) throw badRequest('until: lies in the past.')
        const added = { id: `raise_${crypto.randomUUID().replaceAll('-', '').slice(0, 12)}`, amount: BigInt(body.amount), until, reason: body.reason }
        const after = await raise(actor, id, added)
        return { status: 201, body: toBudgetAnswer(after) }
      },
    }),
  ]
}
