import { budgetStatus, checkBudget, type Budget } from '@sluice/core'
import { z } from 'zod'
import type { AdminActor } from '../power.ts'
import { badRequest, untilFirst } from '../refusal.ts'
import { route, type Answer, type Route } from '../route.ts'
import type { AdminParts } from '../stores.ts'
import { amountField, budgetIdOf, budgetInput, budgetInputWithId, toBudget, type BudgetInput } from './budget-definition.ts'
import { budgetAnswer, budgetStatusAnswer, toBudgetAnswer, toBudgetStatusJson, type BudgetStatusJson } from './budget-json.ts'
import { countedThings, definedFields } from './counted-things.ts'
import { afterParameter, limitParameter, nextField, reasonField } from './paging.ts'

const defined = z.strictObject({ budget: budgetAnswer, ...definedFields })

/** Routes of budgets, but for the questions about how they stand. */
export function budgetRoutes(parts: AdminParts): readonly Route[] {
  const { now, timeZone } = parts
  const { budgets } = parts.stores
  const things = countedThings<Budget>(
    {
      noun: 'budget',
      all: () => budgets.budgets(),
      define: (budget) => budgets.define(budget),
      remove: (id) => budgets.remove(id),
      toJson: toBudgetAnswer,
    },
    parts,
  )
  const define = (actor: AdminActor, id: string, input: BudgetInput): Promise<Answer> =>
    things.define(actor, id, input, (before) =>
      toBudget(input, { id, timeZone, raises: before?.raises ?? [], createdAt: before?.createdAt ?? now(), version: (before?.version ?? 0) + 1 }),
    )
  const raise = (actor: AdminActor, id: string, added: Budget['raises'][number]): Promise<Budget> =>
    untilFirst(false, async () => {
      const before = await things.seen(actor, id)
      // Raises that have ended go when the next one comes, so that they do not pile up; the audit log keeps them.
      const after = checkBudget({ ...before, raises: [...before.raises.filter((old) => old.until > now()), added], version: before.version + 1 })
      await things.keep(actor, 'budget.raise', before, after, added.reason)
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
        const { items, next } = await things.page(actor, query)
        return { body: { budgets: items, next } }
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
        const budget = await things.seen(actor, id)
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
      handle: ({ actor, id, query }) => things.remove(actor, id, query.reason),
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
