import type { Budget, BudgetStatus, BudgetWindow } from '@sluice/core'
import { z } from 'zod'
import { isoOrNull, toUsdText } from '../plain.ts'

const amount = z.string().regex(/^-?\d+$/)
const usd = z.string().nullable().meta({ description: 'The same in dollars, where the unit is nano-usd.' })

const calendarWindow = z.strictObject({
  kind: z.enum(['day', 'week', 'month', 'quarter', 'year']),
  timeZone: z.string().min(1).max(64).optional().meta({ description: "IANA name; the gateway's unless given." }),
})
const rollingWindow = z.strictObject({ kind: z.literal('rolling'), hours: z.int().min(1).max(8_784) })
const totalWindow = z.strictObject({ kind: z.literal('total') })

/** A window as the API takes it. */
export type WindowInput =
  | { readonly kind: 'day' | 'week' | 'month' | 'quarter' | 'year'; readonly timeZone?: string | undefined }
  | { readonly kind: 'rolling'; readonly hours: number }
  | { readonly kind: 'total' }

/** The schema of a window. */
export const windowSchema: z.ZodType<WindowInput> = z.discriminatedUnion('kind', [calendarWindow, rollingWindow, totalWindow])

/** A budget as the API shows it. Amounts are text, in the budget's unit. */
export interface BudgetJson {
  readonly id: string
  readonly name: string
  readonly subject: Budget['subject']
  readonly unit: Budget['unit']
  readonly amount: string
  readonly amountUsd: string | null
  readonly window: BudgetWindow
  readonly thresholds: readonly number[]
  readonly hardPercent: number
  readonly isStrict: boolean
  readonly action: Budget['action']
  readonly sharing: Budget['sharing']
  readonly maxSharePercent: number | null
  readonly carryOverPercent: number | null
  readonly raises: readonly { readonly id: string; readonly amount: string; readonly until: string; readonly reason: string }[]
  readonly notice: string | null
  readonly createdAt: string
  readonly version: number
}

/** The schema of {@link BudgetJson}. */
export const budgetAnswer: z.ZodType = z.strictObject({
  id: z.string(),
  name: z.string(),
  subject: z.strictObject({
    scope: z.string().optional(),
    key: z.string().optional(),
    tag: z.strictObject({ name: z.string(), value: z.string() }).optional(),
    model: z.string().optional(),
  }),
  unit: z.enum(['nano-usd', 'tokens', 'requests']),
  amount,
  amountUsd: usd,
  window: z.discriminatedUnion('kind', [z.strictObject({ kind: calendarWindow.shape.kind, timeZone: z.string() }), rollingWindow, totalWindow]),
  thresholds: z.array(z.number()),
  hardPercent: z.number(),
  isStrict: z.boolean(),
  action: z.enum(['warn', 'queue', 'downgrade', 'block', 'cut']),
  sharing: z.enum(['pool', 'each']),
  maxSharePercent: z.number().nullable(),
  carryOverPercent: z.number().nullable(),
  raises: z.array(z.strictObject({ id: z.string(), amount, until: z.string(), reason: z.string() })),
  notice: z.string().nullable(),
  createdAt: z.string(),
  version: z.number(),
})

/** A budget as plain JSON. */
export function toBudgetAnswer(budget: Budget): BudgetJson {
  const { id, name, subject, unit, window, thresholds, hardPercent, isStrict, action, sharing, version } = budget
  return {
    id,
    name,
    subject,
    unit,
    amount: budget.amount.toString(),
    amountUsd: unit === 'nano-usd' ? toUsdText(budget.amount) : null,
    window,
    thresholds,
    hardPercent,
    isStrict,
    action,
    sharing,
    maxSharePercent: budget.maxSharePercent ?? null,
    carryOverPercent: budget.carryOverPercent ?? null,
    raises: budget.raises.map((raise) => ({ id: raise.id, amount: raise.amount.toString(), until: new Date(raise.until).toISOString(), reason: raise.reason })),
    notice: budget.notice ?? null,
    createdAt: new Date(budget.createdAt).toISOString(),
    version,
  }
}

/** How a budget stands, as the API shows it. Amounts are text, in the budget's unit. */
export interface BudgetStatusJson {
  readonly id: string
  readonly name: string
  readonly unit: Budget['unit']
  /** Whose pot it is, where there are several. */
  readonly member: string | null
  /** What 100 % is at present: with raises, and with what was carried over. */
  readonly cap: string
  /** What nothing passes. */
  readonly hardCap: string
  readonly spent: string
  readonly held: string
  /** Up to the hard line. */
  readonly remaining: string
  readonly capUsd: string | null
  readonly hardCapUsd: string | null
  readonly spentUsd: string | null
  readonly heldUsd: string | null
  readonly remainingUsd: string | null
  /** Spent and held, as a part of the cap. */
  readonly utilization: number
  readonly startsAt: string | null
  /** When it begins anew; null where it never does. */
  readonly resetsAt: string | null
  readonly budget: BudgetJson
}

/** The schema of {@link BudgetStatusJson}. */
export const budgetStatusAnswer: z.ZodType = z.strictObject({
  id: z.string(),
  name: z.string(),
  unit: z.enum(['nano-usd', 'tokens', 'requests']),
  member: z.string().nullable(),
  cap: amount,
  hardCap: amount,
  spent: amount,
  held: amount,
  remaining: amount,
  capUsd: usd,
  hardCapUsd: usd,
  spentUsd: usd,
  heldUsd: usd,
  remainingUsd: usd,
  utilization: z.number(),
  startsAt: z.string().nullable(),
  resetsAt: z.string().nullable(),
  budget: budgetAnswer,
})

/** How a budget stands, as plain JSON. */
export function toBudgetStatusJson(status: BudgetStatus, member: string | undefined): BudgetStatusJson {
  const { budget, amount: cap, hardCap, spent, held, remaining } = status
  const usdOf = (value: bigint): string | null => (budget.unit === 'nano-usd' ? toUsdText(value) : null)
  return {
    id: budget.id,
    name: budget.name,
    unit: budget.unit,
    member: member ?? null,
    cap: cap.toString(),
    hardCap: hardCap.toString(),
    spent: spent.toString(),
    held: held.toString(),
    remaining: remaining.toString(),
    capUsd: usdOf(cap),
    hardCapUsd: usdOf(hardCap),
    spentUsd: usdOf(spent),
    heldUsd: usdOf(held),
    remainingUsd: usdOf(remaining),
    utilization: status.utilization,
    startsAt: isoOrNull(status.startsAt),
    resetsAt: isoOrNull(status.resetsAt),
    budget: toBudgetAnswer(budget),
  }
}
