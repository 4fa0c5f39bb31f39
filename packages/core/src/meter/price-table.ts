/**
 * Prices are data with an effective date. Integer nano-USD per token: 1 USD per million tokens is 1,000.
 * Every price is stated; no cache factor is assumed, since reads cost 0.025, 0.05 or 0.1 of input depending on the model.
 */
export interface TokenRates {
  readonly input: number
  readonly output: number
  readonly cacheWrite5m: number
  readonly cacheWrite1h: number
  readonly cacheRead: number
}

/** One model's prices from a date on. */
export interface ModelPrice {
  /** Ids that this entry prices, exactly; a prefix is never matched. */
  readonly models: readonly string[]
  /** In force from this instant (ISO 8601); of several entries for a model the latest started one counts. Absent: always was. */
  readonly effectiveFrom?: string
  readonly rates: TokenRates
  /** Rates where the response reports `speed: "fast"`. */
  readonly fast?: TokenRates
  /** Rates for the whole request where its prompt, cache included, has more tokens than this. */
  readonly longPrompt?: { readonly aboveTokens: number; readonly rates: TokenRates }
}

/** A price list. */
export interface PriceList {
  /** Names the list in every priced row. */
  readonly version: string
  readonly models: readonly ModelPrice[]
  /** Nano-USD per web search request ($10 per 1,000). */
  readonly webSearchRequest: number
  /** Nano-USD per web fetch request. */
  readonly webFetchRequest: number
}

/** Rates from the five prices of a model card, in USD per million tokens. All published ones are whole nano-USD per token. */
export function usdPerMillion(input: number, output: number, cacheWrite5m: number, cacheWrite1h: number, cacheRead: number): TokenRates {
  const nano = (usd: number): number => Math.round(usd * 1000)
  return { input: nano(input), output: nano(output), cacheWrite5m: nano(cacheWrite5m), cacheWrite1h: nano(cacheWrite1h), cacheRead: nano(cacheRead) }
}

const opusFour = usdPerMillion(5, 25, 6.25, 10, 0.5)
const opusFourFast = usdPerMillion(10, 50, 12.5, 20, 1)

/** List prices of Anthropic's API, autumn 2026, as Claude Code 2.1.330 computes with them (measured) and vendor price pages state. */
export const anthropicPrices: PriceList = {
  version: 'anthropic-2026-11',
  webSearchRequest: 10_000_000,
  webFetchRequest: 0,
  models: [
    { models: ['claude-fable-5-2', 'claude-mythos-5-2'], rates: usdPerMillion(8, 40, 10, 16, 0.2), fast: usdPerMillion(16, 80, 20, 32, 0.4) },
    { models: ['claude-fable-5-1', 'claude-mythos-5-1'], rates: usdPerMillion(10, 50, 12.5, 20, 0.25) },
    { models: ['claude-fable-5', 'claude-mythos-5'], rates: usdPerMillion(10, 50, 12.5, 20, 1) },
    { models: ['claude-opus-5-5'], rates: usdPerMillion(4, 20, 5, 8, 0.2), fast: usdPerMillion(8, 40, 10, 16, 0.4) },
    { models: ['claude-opus-5', 'claude-opus-4-8'], rates: opusFour, fast: opusFourFast },
    { models: ['claude-opus-4-7'], rates: opusFour, fast: usdPerMillion(30, 150, 37.5, 60, 3) },
    { models: ['claude-opus-4-6', 'claude-opus-4-5', 'claude-opus-4-5-20251101'], rates: opusFour },
    { models: ['claude-sonnet-5-5'], rates: usdPerMillion(2, 10, 2.5, 4, 0.1) },
    { models: ['claude-sonnet-5'], rates: usdPerMillion(2, 10, 2.5, 4, 0.2) },
    {
      models: [
        'claude-sonnet-4-6',
        'claude-sonnet-4-5',
        'claude-sonnet-4-5-20250929',
        'claude-sonnet-4-0',
        'claude-sonnet-4-20250514',
        'claude-3-7-sonnet-latest',
        'claude-3-7-sonnet-20250219',
        'claude-3-5-sonnet-latest',
        'claude-3-5-sonnet-20241022',
        'claude-3-5-sonnet-20240620',
      ],
      rates: usdPerMillion(3, 15, 3.75, 6, 0.3),
    },
    {
      models: ['claude-haiku-5-5'],
      rates: usdPerMillion(0.1, 0.5, 0.125, 0.2, 0.01),
      longPrompt: { aboveTokens: 100_000, rates: usdPerMillion(0.5, 2.5, 0.625, 1, 0.05) },
    },
    { models: ['claude-haiku-4-5', 'claude-haiku-4-5-20251001'], rates: usdPerMillion(1, 5, 1.25, 2, 0.1) },
    {
      models: ['claude-opus-4-1', 'claude-opus-4-1-20250805', 'claude-opus-4-0', 'claude-opus-4-20250514', 'claude-3-opus-latest', 'claude-3-opus-20240229'],
      rates: usdPerMillion(15, 75, 18.75, 30, 1.5),
    },
    { models: ['claude-3-5-haiku-latest', 'claude-3-5-haiku-20241022'], rates: usdPerMillion(0.8, 4, 1, 1.6, 0.08) },
    { models: ['claude-3-haiku-20240307'], rates: usdPerMillion(0.25, 1.25, 0.3, 0.5, 0.03) },
  ],
}
