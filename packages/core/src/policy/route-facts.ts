import type { RequestKind } from '../entry/attribution.ts'

/** What rules match on. Undefined where it is not known: a condition on it does not hold then. */
export interface RouteFacts {
  /** The model asked for. */
  readonly model: string
  readonly kind: RequestKind
  readonly agentType?: string
  /** Estimate of the whole prompt, cache included. */
  readonly inputTokens: number
  /** Estimate of the part of it that no cache holds: what is new since the last turn. */
  readonly newTokens: number
  /** The window that the request needs: its prompt, and the output that it allows. */
  readonly contextTokens: number
  readonly hasTools?: boolean
  readonly hasThinking?: boolean
  /** 1 for the first turn of a conversation that the gateway sees. */
  readonly turn: number
  /** Since that first turn. */
  readonly sessionAgeMillis: number
  /** Paths of the scopes that it belongs to. */
  readonly scopes: readonly string[]
  readonly tags: Readonly<Record<string, string>>
  readonly repository?: string
  /** Where the gateway runs, in its operator's words. */
  readonly region?: string
  /** Milliseconds since the epoch. */
  readonly at: number
  /** The largest part that is used of any budget that covers it; undefined where none does. */
  readonly budgetUtilization?: number
  /** A budget whose action is `downgrade` is used up. */
  readonly mustDowngrade: boolean
}
