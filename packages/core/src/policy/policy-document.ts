import type { RequestKind } from '../entry/attribution.ts'

/** Bounds of a number. Both that are given must hold. */
export interface NumberRange {
  readonly atLeast?: number
  readonly below?: number
}

/** Hours of a week, by the clocks of a zone. `from` is included, `until` is not; a span may run over midnight, and belongs to the day that it begins on. */
export interface TimeSpan {
  /** @defaultValue every day */
  readonly days?: readonly ('mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat' | 'sun')[]
  /** `09:00`. @defaultValue midnight */
  readonly from?: string
  /** @defaultValue midnight, the end of the day */
  readonly until?: string
  /** IANA name. */
  readonly timeZone: string
}

/** When a rule matches: all that is given must hold; of a list, any one. */
export interface Conditions {
  /** The model asked for: an exact id, a prefix that ends in `*`, or `@class`. */
  readonly model?: string | readonly string[]
  readonly kind?: RequestKind | readonly RequestKind[]
  /** Type of a sub-agent, which clients send with `CLAUDE_CODE_GATEWAY_HINT_HEADERS=1`. */
  readonly agentType?: string | readonly string[]
  /** Estimated tokens of the whole prompt, cache included. */
  readonly inputTokens?: NumberRange
  /** Estimated tokens that no cache holds. */
  readonly newTokens?: NumberRange
  /** Prompt, and the output that the request allows. */
  readonly contextTokens?: NumberRange
  readonly hasTools?: boolean
  readonly hasThinking?: boolean
  /** 1 is the first turn. */
  readonly turn?: NumberRange
  readonly sessionAgeMinutes?: NumberRange
  /** Paths; each covers everything below it. */
  readonly scope?: string | readonly string[]
  readonly tags?: Readonly<Record<string, string | readonly string[]>>
  /** A name, or a prefix that ends in `*`, or `@class` of `repositoryClasses`. */
  readonly repository?: string | readonly string[]
  readonly region?: string | readonly string[]
  readonly time?: TimeSpan
  /** `used-up`: a budget whose action is `downgrade` stands at 100 % or more. A range: of the part that is used of the tightest budget, 1 being all. */
  readonly budget?: 'used-up' | NumberRange
}

/** A target as a policy names it. Without a model the one asked for is kept; without an upstream, the default one. */
export interface PolicyTarget {
  readonly model?: string
  readonly upstream?: string
}

/** What a rule does. Exactly one of `target`, `targets`, `downgrade`, `keep`, `deny`. */
export type PolicyAction =
  | { readonly target: PolicyTarget }
  /** One of them for each session, in the proportion of their weights; the session stays there. */
  | { readonly targets: readonly (PolicyTarget & { readonly weight: number })[] }
  /** The first of these, dearest first, that costs less than what was asked for. */
  | { readonly downgrade: readonly PolicyTarget[] }
  | { readonly keep: true }
  /** Refused, with this reason for the developer. */
  | { readonly deny: string }

/** How a rule treats sessions under way. `when-it-pays`: by the arithmetic; `new-sessions`: never; `always`: whatever it costs, but never against signed thinking. */
export type SwitchMode = 'when-it-pays' | 'new-sessions' | 'always'

/** A rule. The first whose conditions hold decides. */
export interface PolicyRule {
  /** Named in records. @defaultValue its place, `rules[3]` */
  readonly name?: string
  /** Why it is there. */
  readonly note?: string
  /** @defaultValue always */
  readonly when?: Conditions
  readonly do: PolicyAction
  /** What is done where the conditions do not hold; the rules below are not asked then. */
  readonly else?: PolicyAction
  /** Changes the request where the target could not take it as it is; each change is recorded. @defaultValue `defaults.adapt` */
  readonly adapt?: boolean
  /** @defaultValue `defaults.switch` */
  readonly switch?: SwitchMode
  /** Decides and records, and changes nothing: the rules below go on. @defaultValue false */
  readonly shadow?: boolean
}

/** What a model accepts, as far as requests differ. See `ModelCapabilities`; what is left out is taken from the table that ships. */
export interface PolicyModel {
  readonly maxTokens?: number
  readonly contextTokens?: number
  readonly thinking?: readonly ('adaptive' | 'enabled')[]
  readonly effort?: boolean
  readonly turnEffort?: boolean
  readonly systemMessages?: boolean
  readonly deferredTools?: boolean
  readonly sampling?: boolean
  /** Tokens for a text that is a thousand tokens to the older models. */
  readonly tokensPerThousand?: number
}

/** What holds where a rule does not say. */
export interface PolicyDefaults {
  /** @defaultValue the router's */
  readonly upstream?: string
  /** @defaultValue false */
  readonly adapt?: boolean
  /** @defaultValue 'when-it-pays' */
  readonly switch?: SwitchMode
  /** Turns that a session is expected to go on for, at most; never more than it has had. @defaultValue 10 */
  readonly remainingTurns?: number
}

/** Takes something out of use at once: a model, an upstream, a scope, or where several are given what is all of them. Patterns as in conditions. */
export interface PolicyStop {
  /** Models that may not be asked for anywhere. */
  readonly model?: string | readonly string[]
  readonly upstream?: string | readonly string[]
  /** Whose requests are stopped. */
  readonly scope?: string | readonly string[]
  /** Told to the developer. */
  readonly reason: string
}

/** Pins what matches to regions: by no rule and no fallback does it leave them. All that is given must match; where nothing is given, everything does. */
export interface PolicyResidency {
  readonly scope?: string | readonly string[]
  readonly repository?: string | readonly string[]
  readonly tags?: Readonly<Record<string, string | readonly string[]>>
  /** Regions of `upstreams` that it may go to. One whose region is not said is in none. */
  readonly regions: readonly string[]
}

/** Who is asked in an upstream's place. */
export interface PolicyFallback {
  readonly upstream: string
  /** @defaultValue the model that was to be asked for */
  readonly model?: string
  /** Ends the chain: its own fallbacks are not asked. So two upstreams may stand in for each other. @defaultValue false */
  readonly last?: boolean
}

/** What is to be known of an upstream. */
export interface PolicyUpstream {
  /** Where it is, in the operator's words. */
  readonly region?: string
  /** Who is asked in its place, in this order, where it cannot answer, is stopped or lies outside of the region; then theirs. They lead in no circle. */
  readonly fallbacks?: readonly (string | PolicyFallback)[]
}

/** A model as `GET /v1/models` lists it. */
export interface OfferedModel {
  readonly model: string
  /** @defaultValue the model's id */
  readonly name?: string
  /** What Claude Code's picker says of it. @defaultValue none */
  readonly description?: string
  /** ISO 8601. @defaultValue unknown */
  readonly createdAt?: string
}

/** A routing policy. JSON. */
export interface Policy {
  readonly version: 1
  readonly name?: string
  readonly defaults?: PolicyDefaults
  /** Classes of models, for conditions: exact ids, or prefixes that end in `*`. */
  readonly classes?: Readonly<Record<string, readonly string[]>>
  /** Classes of repositories: names, or prefixes that end in `*`. */
  readonly repositoryClasses?: Readonly<Record<string, readonly string[]>>
  /** What models accept, for those that the shipped table lacks or has wrong. */
  readonly models?: Readonly<Record<string, PolicyModel>>
  /** Where upstreams are, and who stands in for them; by their names. */
  readonly upstreams?: Readonly<Record<string, PolicyUpstream>>
  /** What is out of use. Goes before all rules. */
  readonly stops?: readonly PolicyStop[]
  /** What may not leave its regions. Of several that match, each holds. Goes before all rules. */
  readonly residency?: readonly PolicyResidency[]
  /** What `GET /v1/models` answers, less what the caller may not use. @defaultValue an upstream is asked */
  readonly offered?: readonly OfferedModel[]
  /** Rules, or their short form: `when input < 10k use claude-haiku-4-5 else claude-opus-5-5`. */
  readonly rules: readonly (string | PolicyRule)[]
}
