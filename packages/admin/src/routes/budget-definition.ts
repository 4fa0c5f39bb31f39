import { canonicalJson, checkBudget, type Budget } from '@sluice/core'
import { z } from 'zod'
import { sha256Hex, withoutUndefined } from '../plain.ts'
import { shown } from '../refusal.ts'
import { windowSchema, type WindowInput } from './budget-json.ts'
import { reasonField } from './paging.ts'
import { subjectSchema, type SubjectInput } from './subject.ts'

/** A budget as the API takes it. */
export interface BudgetInput {
  readonly name?: string | undefined
  readonly subject: SubjectInput
  readonly unit?: Budget['unit'] | undefined
  readonly amount: string
  readonly window: WindowInput
  readonly thresholds?: readonly number[] | undefined
  readonly hardPercent?: number | undefined
  readonly isStrict?: boolean | undefined
  readonly action?: Budget['action'] | undefined
  readonly sharing?: Budget['sharing'] | undefined
  readonly maxSharePercent?: number | undefined
  readonly carryOverPercent?: number | undefined
  readonly notice?: string | undefined
  readonly version?: number | undefined
  readonly reason?: string | undefined
}

const percent = z.number().min(0).max(1_000)

/** An amount of a budget: text, so that no reader rounds it. */
export const amountField: z.ZodType<string> = z
  .string()
  .regex(/^[1-9]\d{0,29}$/, 'give a whole number above 0 as text')
  .meta({ description: 'A whole number as text, in the unit.' })

const idField = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/)
  .optional()

const fields = {
  name: z.string().min(1).max(100).optional(),
  subject: subjectSchema,
  unit: z.enum(['nano-usd', 'tokens', 'requests']).optional().meta({ description: 'nano-usd unless given.' }),
  amount: amountField,
  window: windowSchema,
  thresholds: z.array(percent).max(20).optional(),
  hardPercent: percent.optional(),
  isStrict: z.boolean().optional(),
  action: z.enum(['warn', 'queue', 'downgrade', 'block', 'cut']).optional(),
  sharing: z.enum(['pool', 'each']).optional(),
  maxSharePercent: percent.optional(),
  carryOverPercent: percent.optional(),
  notice: z.string().min(1).max(500).optional(),
}
const kept = {
  ...fields,
  version: z.int().min(0).optional().meta({ description: 'The version that is to be replaced, 0 for none: refused where it is another by now.' }),
  reason: reasonField.optional(),
}

/** The schema of a budget under an id of the path. */
export const budgetInput: z.ZodType<BudgetInput> = z.strictObject(kept)
/** The schema of a budget that may bring its id. */
export const budgetInputWithId: z.ZodType<BudgetInput & { readonly id?: string | undefined }> = z.strictObject({ id: idField, ...kept })
/** The schema of a budget that is only reckoned with. */
export const imaginedBudget: z.ZodType<BudgetInput & { readonly id?: string | undefined }> = z.strictObject({ id: idField, ...fields })

/** What a budget has that its definition does not say. */
export interface BudgetPlace extends Pick<Budget, 'id' | 'raises' | 'createdAt' | 'version'> {
  readonly timeZone: string
}

/** A budget of its definition. @throws ConfigurationError for figures that do not go together */
export function toBudget(input: BudgetInput, { timeZone, ...place }: BudgetPlace): Budget {
  const { version: _version, reason: _reason, ...rest } = input
  return checkBudget({
    ...withoutUndefined(rest),
    ...place,
    name: input.name ?? nameOf(input),
    subject: withoutUndefined(input.subject),
    unit: input.unit ?? 'nano-usd',
    amount: BigInt(input.amount),
    window: zoned(input.window, timeZone),
  })
}

/** One id for one thing that is counted: who sets it twice has set it once. */
export async function budgetIdOf({ subject, unit, window, sharing }: BudgetInput, timeZone: string): Promise<string> {
  const counted = { subject: withoutUndefined(subject), unit: unit ?? 'nano-usd', window: zoned(window, timeZone), sharing: sharing ?? 'pool' }
  return `bg_${(await sha256Hex(canonicalJson(counted))).slice(0, 16)}`
}

function zoned(window: WindowInput, timeZone: string): Budget['window'] {
  if (window.kind === 'rolling' || window.kind === 'total') return window
  return { kind: window.kind, timeZone: window.timeZone ?? timeZone }
}

/** What people read in a refusal where nobody gave it a name. */
function nameOf({ subject: { scope, key, tag, model }, window }: BudgetInput): string {
  const what = [scope, key === undefined ? undefined : `key ${key}`, tag === undefined ? undefined : `${tag.name} ${tag.value}`, model].filter(
    (part) => part !== undefined,
  )
  const when = window.kind === 'rolling' ? `${window.hours} hours` : window.kind
  return shown(`${what.join(', ')} (${when})`, 100)
}
