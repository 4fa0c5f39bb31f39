import { pricing as pricingOf, type Budget, type LedgerEntry, type ReportDimension } from '@sluice/core'
import { compareText, reportParts, type EntryDimension } from '@sluice/core/ledger'
import { compilePolicy, whatIfReplay, type Policy, type WhatIfChanges } from '@sluice/core/policy'
import { z } from 'zod'
import { badRequest } from '../refusal.ts'
import { newestEntries } from '../reports/ledger-pages.ts'
import { spanFields, toDimension, toSpan, toZone } from '../reports/report-query.ts'
import { isEntryWithin } from '../reports/within-scope.ts'
import { route, type Route } from '../route.ts'
import type { AdminParts } from '../stores.ts'
import { budgetIdOf, imaginedBudget, toBudget, type BudgetInput } from './budget-definition.ts'
import { pricesInput, toPricingOptions, toWhatIfJson, whatIfAnswer, type WhatIfJson } from './what-if-json.ts'

/** The newest exchanges that one question replays. */
const mostReplayed = 50_000
/** After so many, others have their turn. */
const atOnce = 500

/** Routes that ask the ledger what would have been. */
export function whatIfRoutes({ stores: { ledger }, timeZone, pricing, pause }: AdminParts): readonly Route[] {
  const toBudgets = async (inputs: readonly (BudgetInput & { readonly id?: string | undefined })[]): Promise<readonly Budget[]> => {
    const budgets: Budget[] = []
    for (const { id, ...input } of inputs)
      budgets.push(toBudget(input, { id: id ?? (await budgetIdOf(input, timeZone)), timeZone, raises: [], createdAt: 0, version: 1 }))
    for (const { id } of budgets) if (budgets.filter((other) => other.id === id).length > 1) throw badRequest(`budgets: the id "${id}" is there twice.`)
    return budgets
  }
  return [
    route({
      name: 'what-if',
      method: 'POST',
      path: 'what-if',
      about:
        'What recorded exchanges would have cost under another policy, other prices or other budgets, and whom a budget would have stopped. Changes nothing.',
      body: z.strictObject({
        policy: z.unknown().optional().meta({ description: 'A policy document: see GET /admin/v1/policy/schema.' }),
        prices: pricesInput.optional(),
        budgets: z.array(imaginedBudget).max(100).optional(),
        hasSignedThinking: z
          .boolean()
          .optional()
          .meta({ description: 'Whether histories hold thinking, which pins a session to its model: true unless given. The ledger does not tell.' }),
        groupBy: z.string().max(40).optional().meta({ description: 'A dimension of reports, beside scope and model.' }),
        timeZone: z.string().max(60).optional().meta({ description: "IANA name, for hours and days: the gateway's unless given." }),
        ...spanFields,
      }),
      answer: whatIfAnswer,
      handle: async ({ actor, body }): Promise<{ body: WhatIfJson }> => {
        const { policy, prices, hasSignedThinking } = body
        if (policy === undefined && prices === undefined && body.budgets === undefined)
          throw badRequest('Say what is to be different: `policy`, `prices` or `budgets`.')
        if (policy !== undefined) compilePolicy(policy)
        const budgets = body.budgets && (await toBudgets(body.budgets))
        const groupBy = body.groupBy === undefined ? undefined : toGroup(body.groupBy)
        const zone = toZone(body.timeZone ?? timeZone)
        // What moves is priced as what stayed was: by the gateway's own prices, where it has some.
        const priced = prices === undefined ? (policy === undefined ? undefined : pricing) : pricingOf(toPricingOptions(prices))
        const changes: WhatIfChanges = {
          ...(policy !== undefined && { policy: policy as Policy }),
          ...(priced !== undefined && { prices: priced }),
          ...(budgets !== undefined && { budgets }),
          ...(hasSignedThinking !== undefined && { hasSignedThinking }),
          ...(groupBy !== undefined && { groupBy, timeZone: zone }),
        }
        const { where = {}, ...span } = toSpan(body)
        const found = await newestEntries(ledger, { ...span, ...(where.session !== undefined && { session: where.session }) }, mostReplayed, pause)
        const entries = found.entries
          .filter((entry) => isEntryWithin(actor, entry) && matches(entry, where))
          .toSorted((left, right) => left.startedAt - right.startedAt || compareText(left.exchangeId, right.exchangeId))
        const replay = whatIfReplay(changes)
        for (const [at, entry] of entries.entries()) {
          replay.add(entry)
          if ((at + 1) % atOnce === 0) await pause()
        }
        const replayed = { firstAt: entries[0]?.startedAt, lastAt: entries.at(-1)?.startedAt, isWhole: found.isWhole }
        return { body: toWhatIfJson(replay.report(), replayed, budgets ?? []) }
      },
    }),
  ]
}

function toGroup(name: string): Exclude<ReportDimension, 'model'> {
  const dimension = toDimension('groupBy', name)
  if (dimension === 'model') throw badRequest('groupBy: what-if has no model; the answer is by model anyway.')
  return dimension
}

function matches(entry: LedgerEntry, where: Readonly<Partial<Record<EntryDimension, string>>>): boolean {
  const asked = Object.entries(where) as readonly (readonly [EntryDimension, string])[]
  if (asked.length === 0) return true
  const parts = reportParts(entry)
  return asked.every(([dimension, value]) => parts.some((part) => part[dimension] === value))
}
