import type { Aspect, Difference } from './compare.ts'

/**
 * `equal`: nothing differs but what differs between any two runs. `differs`: see the differences. `not-offered`: this version cannot do it.
 * `not-tried`: the target is not set up for it. `failed`: the run itself went wrong.
 */
export type CellState = 'equal' | 'differs' | 'not-offered' | 'not-tried' | 'failed'

/** One scenario with one version. */
export interface MatrixCell {
  readonly scenario: string
  readonly version: string
  readonly state: CellState
  readonly differences: readonly Difference[]
  /** What also differs between two runs without a gateway, and was therefore not counted. */
  readonly differsByItself: readonly Aspect[]
  /** Why, where it was not tried, not offered, or failed. */
  readonly detail?: string
  /** Requests to the API: at the upstream without a gateway, and at the upstream through it. */
  readonly calls: { readonly direct: number; readonly through: number }
  /** How Claude Code ended without a gateway; `null` when it did not say. */
  readonly ending: 'done' | 'error' | null
  /** What Claude Code says its last step has cost, in US dollars. */
  readonly costUsd: number
  /** What the gateway has recorded for the session, in US dollars; `null` where it cannot be asked. */
  readonly recordedUsd: number | null
}

/** What a run of the matrix has found. Plain JSON. */
export interface MatrixReport {
  readonly suite: { readonly name: string; readonly version: string }
  readonly target: { readonly name: string; readonly version: string | null }
  /** The day it was run: ISO 8601. */
  readonly date: string
  readonly platform: string
  /** Oldest first. `model` is what this version asks for when nothing else is set. */
  readonly versions: readonly { readonly version: string; readonly releasedOn: string | null; readonly model: string | null }[]
  readonly scenarios: readonly { readonly id: string; readonly title: string; readonly remark?: string }[]
  readonly cells: readonly MatrixCell[]
}
