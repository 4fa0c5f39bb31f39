/** What a check found. `broken`: work fails; `warning`: work goes on, and something is worse than it need be; `skipped`: it could not be told. */
export type FindingState = 'ok' | 'warning' | 'broken' | 'skipped'

/** One check's result. Holds no credential. */
export interface Finding {
  readonly check: string
  readonly state: FindingState
  readonly detail: string
  /** What to do about it. */
  readonly fix?: string
}

/** Makes findings of one check. */
export function finding(check: string, state: FindingState, detail: string, fix?: string): Finding {
  return { check, state, detail, ...(fix !== undefined && { fix }) }
}
