import type { Budget, ModelPrice, PricingOptions, TokenRates } from '@sluice/core'
import { usdPerMillion } from '@sluice/core'
import type { WhatIfCache, WhatIfReport, WhatIfRow } from '@sluice/core/policy'
import { z } from 'zod'

/** A price list as the API takes it: what differs from the shipped list. */
export interface PricesInput {
  readonly contractMultiplier?: string | undefined
  readonly models?: readonly ModelPriceInput[] | undefined
}

interface RatesInput {
  readonly input: number
  readonly output: number
  readonly cacheWrite5m: number
  readonly cacheWrite1h: number
  readonly cacheRead: number
}

interface ModelPriceInput {
  readonly models: readonly string[]
  readonly effectiveFrom?: string | undefined
  readonly usdPerMillion: RatesInput
  readonly fast?: RatesInput | undefined
  readonly longPrompt?: { readonly aboveTokens: number; readonly usdPerMillion: RatesInput } | undefined
}

const usd = z.number().min(0).max(1_000_000)
const rates = z
  .strictObject({ input: usd, output: usd, cacheWrite5m: usd, cacheWrite1h: usd, cacheRead: usd })
  .meta({ description: 'Dollars per million tokens.' })

/** The schema of {@link PricesInput}. */
export const pricesInput: z.ZodType<PricesInput> = z.strictObject({
  contractMultiplier: z.string().max(20).optional().meta({ description: 'What is paid of each price, as a decimal: 0.85.' }),
  models: z
    .array(
      z.strictObject({
        models: z.array(z.string().min(1).max(200)).min(1).max(100).meta({ description: 'Exact ids.' }),
        effectiveFrom: z.string().max(40).optional(),
        usdPerMillion: rates,
        fast: rates.optional(),
        longPrompt: z.strictObject({ aboveTokens: z.int().min(1), usdPerMillion: rates }).optional(),
      }),
    )
    .max(500)
    .optional()
    .meta({ description: 'They take the place of the shipped prices of these models; the others stay.' }),
})

/** Prices as core takes them. */
export function toPricingOptions({ contractMultiplier, models = [] }: PricesInput): PricingOptions {
  return { ...(contractMultiplier !== undefined && { contractMultiplier }), overrides: models.map(toModelPrice) }
}

function toModelPrice({ models, effectiveFrom, usdPerMillion: prices, fast, longPrompt }: ModelPriceInput): ModelPrice {
  return {
    models,
    rates: toRates(prices),
    ...(effectiveFrom !== undefined && { effectiveFrom }),
    ...(fast !== undefined && { fast: toRates(fast) }),
    ...(longPrompt !== undefined && { longPrompt: { aboveTokens: longPrompt.aboveTokens, rates: toRates(longPrompt.usdPerMillion) } }),
  }
}

function toRates({ input, output, cacheWrite5m, cacheWrite1h, cacheRead }: RatesInput): TokenRates {
  return usdPerMillion(input, output, cacheWrite5m, cacheWrite1h, cacheRead)
}

/** Money before and after, for one group. */
export interface WhatIfRowJson extends Omit<WhatIfRow, 'recordedNanoUsd' | 'projectedNanoUsd'> {
  readonly recordedNanoUsd: string
  readonly projectedNanoUsd: string
}

/** The answer of what-if as the API shows it. Money is text, in nano-USD. */
export interface WhatIfJson {
  /** The exchanges that were replayed. */
  readonly exchanges: number
  /** When the first and the last of them began; null where there are none. */
  readonly firstAt: string | null
  readonly lastAt: string | null
  /** False where there are older ones in the period, beyond what is replayed at once. */
  readonly isWhole: boolean
  readonly recordedNanoUsd: string
  readonly projectedNanoUsd: string
  readonly moved: number
  readonly denied: number
  readonly byScope: readonly WhatIfRowJson[]
  readonly byModel: readonly WhatIfRowJson[]
  readonly byGroup: readonly WhatIfRowJson[]
  readonly blocked: readonly {
    readonly budget: string
    /** The budget's name. */
    readonly name: string
    readonly account: string
    readonly firstAt: string
    readonly lastAt: string
    readonly exchanges: number
    readonly sessions: number
    readonly costNanoUsd: string
  }[]
  readonly thresholds: readonly { readonly budget: string; readonly name: string; readonly account: string; readonly percent: number; readonly at: string }[]
  readonly cache: WhatIfCache
  readonly assumptions: readonly string[]
}

const money = z.string().regex(/^-?\d+$/)
const rows = z.array(z.strictObject({ group: z.string().nullable(), exchanges: z.number(), recordedNanoUsd: money, projectedNanoUsd: money }))

/** The schema of {@link WhatIfJson}. */
export const whatIfAnswer: z.ZodType = z.strictObject({
  exchanges: z.number(),
  firstAt: z.string().nullable(),
  lastAt: z.string().nullable(),
  isWhole: z.boolean().meta({ description: 'False where the period has older exchanges, beyond what is replayed at once.' }),
  recordedNanoUsd: money,
  projectedNanoUsd: money,
  moved: z.number().meta({ description: 'Exchanges that would have gone to another model.' }),
  denied: z.number().meta({ description: 'Exchanges that the policy would have refused.' }),
  byScope: rows,
  byModel: rows,
  byGroup: rows,
  blocked: z.array(
    z.strictObject({
      budget: z.string(),
      name: z.string(),
      account: z.string(),
      firstAt: z.string(),
      lastAt: z.string(),
      exchanges: z.number(),
      sessions: z.number(),
      costNanoUsd: money,
    }),
  ),
  thresholds: z.array(z.strictObject({ budget: z.string(), name: z.string(), account: z.string(), percent: z.number(), at: z.string() })),
  cache: z.strictObject({
    recordedReadTokens: z.number(),
    projectedReadTokens: z.number(),
    recordedWriteTokens: z.number(),
    projectedWriteTokens: z.number(),
  }),
  assumptions: z.array(z.string()).meta({ description: 'What the figures rest on: show them with the figures.' }),
})

/** What was replayed. */
export interface Replayed {
  readonly firstAt: number | undefined
  readonly lastAt: number | undefined
  readonly isWhole: boolean
}

/** A report as plain JSON. */
export function toWhatIfJson(report: WhatIfReport, { firstAt, lastAt, isWhole }: Replayed, budgets: readonly Budget[]): WhatIfJson {
  const iso = (at: number): string => new Date(at).toISOString()
  const name = (id: string): string => budgets.find((budget) => budget.id === id)?.name ?? id
  const rowsOf = (found: readonly WhatIfRow[]): readonly WhatIfRowJson[] =>
    found.map(({ recordedNanoUsd, projectedNanoUsd, ...rest }) => ({
      ...rest,
      recordedNanoUsd: recordedNanoUsd.toString(),
      projectedNanoUsd: projectedNanoUsd.toString(),
    }))
  return {
    exchanges: report.exchanges,
    firstAt: firstAt === undefined ? null : iso(firstAt),
    lastAt: lastAt === undefined ? null : iso(lastAt),
    isWhole,
    recordedNanoUsd: report.recordedNanoUsd.toString(),
    projectedNanoUsd: report.projectedNanoUsd.toString(),
    moved: report.moved,
    denied: report.denied,
    byScope: rowsOf(report.byScope),
    byModel: rowsOf(report.byModel),
    byGroup: rowsOf(report.byGroup),
    blocked: report.blocked.map((one) => ({
      ...one,
      name: name(one.budget),
      firstAt: iso(one.firstAt),
      lastAt: iso(one.lastAt),
      costNanoUsd: one.costNanoUsd.toString(),
    })),
    thresholds: report.thresholds.map((one) => ({ ...one, name: name(one.budget), at: iso(one.at) })),
    cache: report.cache,
    assumptions: isWhole
      ? report.assumptions
      : [
          ...report.assumptions,
          `Only the newest ${report.exchanges} exchanges of the period were replayed; narrow it with since and until to see the older ones.`,
        ],
  }
}
