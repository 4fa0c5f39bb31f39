/**
 * What a rule did. `target`, `targets`, `downgrade`: chose; `keep`: left the request as it came; `deny`: refused it; `none`: no rule matched, and it went as it came.
 */
export type RouteAction = 'target' | 'targets' | 'downgrade' | 'keep' | 'deny' | 'none'

/** Where an exchange goes. */
export interface RouteTarget {
  readonly upstream: string
  /** The model sent; absent where the request names none. */
  readonly model?: string
}

/**
 * What became of a target that a rule named. `chosen`; `same`: the exchange was there already; `not-accepted`: it cannot take this request; `pinned`: the history holds
 * thinking that another model signed; `new-sessions`: the rule is for sessions that begin; `does-not-pay`: the lost cache costs more than is saved;
 * `not-cheaper`: of a downgrade; `passed-over`: an earlier candidate was taken.
 */
export type RouteVerdict = 'chosen' | 'same' | 'not-accepted' | 'pinned' | 'new-sessions' | 'does-not-pay' | 'not-cheaper' | 'passed-over'

/** A target that was looked at. */
export interface RouteCandidate extends RouteTarget {
  readonly verdict: RouteVerdict
  /** In words, where the verdict leaves a question. */
  readonly why?: string
}

/** What staying and switching cost over the turns that are expected. Money in nano-USD, exact for these counts; the counts are estimates. */
export interface SwitchArithmetic {
  readonly from: string
  readonly to: string
  /** Tokens of this prompt, as the present model counts them. */
  readonly promptTokens: number
  /** Of them, those that the present model's cache still holds. */
  readonly warmTokens: number
  /** Output of such a turn. */
  readonly outputTokens: number
  /** How much longer each prompt is than the one before. */
  readonly growthTokens: number
  readonly remainingTurns: number
  /** Tokens of the new model for a thousand of the present one's. */
  readonly tokensPerThousand: number
  readonly stayNanoUsd: bigint
  readonly switchNanoUsd: bigint
  readonly isWorthIt: boolean
  readonly priceVersion: string
}

/** What a rule would have done that only watches. */
export interface ShadowRoute {
  readonly rule: string
  readonly action: RouteAction
  readonly target?: RouteTarget
  readonly why?: string
}

/** Why an exchange went where it went. Plain data, metadata only. */
export interface RouteRecord {
  /** The policy that was in force when it began, and to its end. */
  readonly policyVersion: string
  /** Name of the rule, else its place: `rules[3]`. Absent where none matched. */
  readonly rule?: string
  readonly action: RouteAction
  readonly requestedModel?: string
  readonly target: RouteTarget
  readonly candidates: readonly RouteCandidate[]
  readonly arithmetic?: SwitchArithmetic
  /** True where the session's earlier assignment decided. */
  readonly isSticky: boolean
  /** What else is worth knowing: adaptations, why a session could not be known. */
  readonly notes: readonly string[]
  readonly shadow?: ShadowRoute
}
