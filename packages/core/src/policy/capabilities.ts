import type { PolicyModel } from './policy-document.ts'

/** What a model accepts, as far as requests differ: data, and a policy document may add to it or correct it. */
export interface ModelCapabilities {
  /** The largest `max_tokens`. */
  readonly maxTokens: number
  /** The largest prompt and output together; undefined where that is not known. */
  readonly contextTokens?: number
  /** Forms of `thinking` that it takes. */
  readonly thinking: readonly ('adaptive' | 'enabled')[]
  /** `output_config.effort`, for the whole request. */
  readonly effort: boolean
  /** `output_config` of a single message. */
  readonly turnEffort: boolean
  /** Messages whose role is `system`. */
  readonly systemMessages: boolean
  /** `defer_loading` of tools. */
  readonly deferredTools: boolean
  /** `temperature`, `top_p` and `top_k`. */
  readonly sampling: boolean
  /** Tokens for a text that is a thousand tokens to models before 4.7. */
  readonly tokensPerThousand: number
}

/** `anthropic-beta` tokens that belong to a part of the body: both go, or none. */
export const betasOf: Readonly<Record<'effort' | 'turnEffort', readonly string[]>> = {
  effort: ['effort-2025-11-24'],
  turnEffort: ['per-turn-control-2026-07-01'],
}

const fiveFive: ModelCapabilities = {
  maxTokens: 128_000,
  thinking: ['adaptive'],
  effort: true,
  turnEffort: true,
  systemMessages: true,
  deferredTools: true,
  sampling: false,
  tokensPerThousand: 1_300,
}
const five: ModelCapabilities = { ...fiveFive, maxTokens: 64_000, turnEffort: false }
/** Whether Sonnet 5 takes messages of the system is told in two ways; a request that has them is not sent there. */
const sonnetFive: ModelCapabilities = { ...five, systemMessages: false, deferredTools: false }
const fourSeven: ModelCapabilities = { ...sonnetFive }
const fourSix: ModelCapabilities = { ...fourSeven, sampling: true, tokensPerThousand: 1_000 }
const fourFive: ModelCapabilities = { ...fourSix, maxTokens: 32_000, contextTokens: 200_000, thinking: ['enabled'], effort: false }

/** What Claude Code 2.1.330 sends each model, measured, and vendor documentation. */
export const anthropicCapabilities: Readonly<Record<string, ModelCapabilities>> = {
  'claude-fable-5-2': fiveFive,
  'claude-opus-5-5': fiveFive,
  'claude-sonnet-5-5': fiveFive,
  'claude-haiku-5-5': fiveFive,
  'claude-opus-5': five,
  'claude-opus-4-8': five,
  'claude-sonnet-5': sonnetFive,
  'claude-opus-4-7': fourSeven,
  'claude-opus-4-6': fourSix,
  'claude-sonnet-4-6': { ...fourSix, maxTokens: 32_000 },
  'claude-opus-4-5': { ...fourFive, effort: true },
  'claude-sonnet-4-5': fourFive,
  'claude-haiku-4-5': { ...fourFive, maxTokens: 64_000 },
}

/** Nothing but what every model takes: of a model that nobody described, nothing else may be assumed. */
const plainest: ModelCapabilities = {
  maxTokens: 4_096,
  thinking: [],
  effort: false,
  turnEffort: false,
  systemMessages: false,
  deferredTools: false,
  sampling: false,
  tokensPerThousand: 1_000,
}

/** Finds what a model accepts. */
export type CapabilityTable = (model: string) => ModelCapabilities

/** The shipped table, with a document's models before it. A date at the end of an id (`-20251001`) is no other model; beyond that no id is guessed at. */
export function capabilityTable(models: Readonly<Record<string, PolicyModel>> = {}): CapabilityTable {
  const known = new Map(Object.entries(anthropicCapabilities))
  for (const [model, added] of Object.entries(models)) {
    const base = known.get(model) ?? known.get(undated(model)) ?? plainest
    known.set(model, { ...base, ...added })
  }
  return (model) => known.get(model) ?? known.get(undated(model)) ?? plainest
}

function undated(model: string): string {
  return model.replace(/-20\d{6}$/, '')
}
