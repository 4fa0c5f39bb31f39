import { ConfigurationError } from '../errors.ts'
import { anthropicPrices, type ModelPrice, type PriceList, type TokenRates } from './price-table.ts'
import { promptTokens, type UsageLine, type UsageReport } from './usage.ts'

/**
 * What to do about a model that the price list does not know: refuse it before it is sent (`deny`; what a reply names all the same is priced dearest),
 * price it at the dearest known rates, or leave it out of the sums and say so. It is never silently free, and never priced by a similar name.
 */
export type UnknownModelPolicy = 'deny' | 'assume-dearest' | 'flag'

/** How prices are applied. */
export interface PricingOptions {
  /** @defaultValue the list prices shipped with this package */
  readonly prices?: PriceList
  /** Entries of your own; from its start on, each takes the place of the list's for the models that it names. */
  readonly overrides?: readonly ModelPrice[]
  /** Other ids for priced models: inference profiles, ARNs, deployment names. */
  readonly aliases?: Readonly<Record<string, string>>
  /** What the contract says to pay of the list price, as a decimal: `0.85`, `1.1`. @defaultValue '1' */
  readonly contractMultiplier?: string
  /** @defaultValue 'assume-dearest' */
  readonly unknownModel?: UnknownModelPolicy
}

/** Whether the sum can be trusted: `priced`; `assumed`, an unknown model at the dearest known rates; `unpriced`, an unknown model left out; `free`, nothing was used. */
export type CostState = 'priced' | 'assumed' | 'unpriced' | 'free'

/** One usage line's cost. */
export interface CostLine {
  readonly model: string
  readonly role: string
  readonly state: CostState
  readonly nanoUsd: bigint
}

/** What an exchange cost. */
export interface Cost {
  /** The least certain state of any line. */
  readonly state: CostState
  /** Exact; equal to the sum of the lines. */
  readonly nanoUsd: bigint
  readonly lines: readonly CostLine[]
  /** The price list's version. */
  readonly priceVersion: string
}

/** Prices usage. Pure: the same usage at the same instant costs the same. */
export interface Pricing {
  readonly cost: (usage: UsageReport, atMillis: number) => Cost
  /** The price entry in force for a model; undefined for an unknown model. */
  readonly find: (model: string, atMillis: number) => ModelPrice | undefined
  /** What was asked for about unknown models; the gateway enforces `deny`. */
  readonly unknownModel: UnknownModelPolicy
}

/** Parts per million, for multipliers that compose without floating point. */
const million = 1_000_000n

/**
 * Builds a pricing from a list, overrides and a contract multiplier.
 *
 * @throws ConfigurationError for a multiplier that is not a decimal with up to six places, a bad date, or an alias to an unpriced model.
 */
export function pricing(options: PricingOptions = {}): Pricing {
  const list = options.prices ?? anthropicPrices
  const contract = parseMultiplier(options.contractMultiplier ?? '1')
  const byModel = indexPrices(list, options.overrides ?? [])
  const aliases = new Map(Object.entries(options.aliases ?? {}))
  for (const [alias, model] of aliases) {
    if (!byModel.has(model))
      throw new ConfigurationError(`pricing.aliases.${alias}`, `points to "${model}", which has no price. Name a priced model, or add an override.`)
  }
  const find: Pricing['find'] = (model, atMillis) => byModel.get(aliases.get(model) ?? model)?.find((entry) => entry.from <= atMillis)?.price
  const unknownModel = options.unknownModel ?? 'assume-dearest'
  const costLine = (line: UsageLine, atMillis: number): CostLine => {
    const price = find(line.model, atMillis)
    if (price !== undefined) return { model: line.model, role: line.role, state: 'priced', nanoUsd: priceLine(line, ratesFor(price, line), list, contract) }
    if (unknownModel === 'flag') return { model: line.model, role: line.role, state: 'unpriced', nanoUsd: 0n }
    return { model: line.model, role: line.role, state: 'assumed', nanoUsd: priceLine(line, dearest(byModel, atMillis), list, contract) }
  }
  return {
    find,
    unknownModel,
    cost: (usage, atMillis) => {
      const lines = usage.lines.map((line) => costLine(line, atMillis))
      const state = (['unpriced', 'assumed', 'priced'] as const).find((candidate) => lines.some((line) => line.state === candidate)) ?? 'free'
      return { state, nanoUsd: lines.reduce((sum, line) => sum + line.nanoUsd, 0n), lines, priceVersion: list.version }
    },
  }
}

interface DatedPrice {
  readonly from: number
  readonly price: ModelPrice
}

function indexPrices(list: PriceList, overrides: readonly ModelPrice[]): ReadonlyMap<string, readonly DatedPrice[]> {
  const index = (entries: readonly ModelPrice[], option: string): Map<string, DatedPrice[]> => {
    const found = new Map<string, DatedPrice[]>()
    for (const [position, price] of entries.entries()) {
      const from = price.effectiveFrom === undefined ? -Infinity : Date.parse(price.effectiveFrom)
      if (Number.isNaN(from)) throw new ConfigurationError(`${option}[${position}].effectiveFrom`, `"${price.effectiveFrom}" is not an ISO 8601 date.`)
      for (const rates of [price.rates, price.fast, price.longPrompt?.rates]) {
        for (const [name, rate] of Object.entries(rates ?? {})) {
          if (!Number.isInteger(rate) || rate < 0)
            throw new ConfigurationError(
              `${option}[${position}].rates.${name}`,
              `${rate} is not a whole number of nano-USD per token (1 USD per million tokens is 1000).`,
            )
        }
      }
      for (const model of price.models) found.set(model, [...(found.get(model) ?? []), { from, price }])
    }
    for (const dated of found.values()) dated.sort((left, right) => right.from - left.from)
    return found
  }
  for (const name of ['webSearchRequest', 'webFetchRequest'] as const) {
    if (!Number.isInteger(list[name]) || list[name] < 0)
      throw new ConfigurationError(`pricing.prices.${name}`, `${list[name]} is not a whole number of nano-USD per request.`)
  }
  const listed = index(list.models, 'pricing.prices.models')
  // Until an override starts, the list's price stands: nobody's spend may turn unknown because a new price is on its way.
  const overridden = [...index(overrides, 'pricing.overrides')].map(([model, dated]) => [model, [...dated, ...(listed.get(model) ?? [])]] as const)
  return new Map([...listed, ...overridden])
}

function ratesFor(price: ModelPrice, line: UsageLine): TokenRates {
  if (line.speed === 'fast' && price.fast !== undefined) return price.fast
  if (price.longPrompt !== undefined && promptTokens(line) > price.longPrompt.aboveTokens) return price.longPrompt.rates
  return price.rates
}

/** Each rate at its dearest: no one model need be the dearest in all of them. */
function dearest(byModel: ReadonlyMap<string, readonly DatedPrice[]>, atMillis: number): TokenRates {
  const found = { input: 0, output: 0, cacheWrite5m: 0, cacheWrite1h: 0, cacheRead: 0 }
  for (const dated of byModel.values()) {
    const rates = dated.find((entry) => entry.from <= atMillis)?.price.rates
    for (const name of Object.keys(found) as (keyof TokenRates)[]) found[name] = Math.max(found[name], rates?.[name] ?? 0)
  }
  return found
}

function priceLine(line: UsageLine, rates: TokenRates, list: PriceList, contract: bigint): bigint {
  const geo = line.inferenceGeo === 'us' ? 1_100_000n : million
  const tier = line.serviceTier === 'batch' ? 500_000n : million
  const modifier = geo * tier * contract
  const scale = million * million * million
  const perToken = (tokens: number, rate: number): bigint => divideUp(BigInt(tokens) * BigInt(rate) * modifier, scale)
  const perRequest = (requests: number, rate: number): bigint => divideUp(BigInt(requests) * BigInt(rate) * contract, million)
  return (
    perToken(line.freshInputTokens, rates.input) +
    perToken(line.cacheReadTokens, rates.cacheRead) +
    perToken(line.cacheWrite5mTokens, rates.cacheWrite5m) +
    perToken(line.cacheWrite1hTokens, rates.cacheWrite1h) +
    perToken(line.outputTokens, rates.output) +
    perRequest(line.webSearchRequests, list.webSearchRequest) +
    perRequest(line.webFetchRequests, list.webFetchRequest)
  )
}

/** Each bucket is rounded once, up: a part of a nano-dollar is never lost, and rows add up to the total exactly. */
function divideUp(value: bigint, by: bigint): bigint {
  return (value + by - 1n) / by
}

function parseMultiplier(decimal: string): bigint {
  const parts = /^(\d{1,4})(?:\.(\d{1,6}))?$/.exec(decimal)
  if (parts === null) throw new ConfigurationError('pricing.contractMultiplier', `"${decimal}" is not a decimal with up to six places, such as "0.85".`)
  return BigInt(parts[1] as string) * million + BigInt((parts[2] ?? '').padEnd(6, '0'))
}
