import type { Group, Severity, Verdict } from './case.ts'

/** One case of a report. */
export interface CaseReport {
  readonly id: string
  readonly group: Group
  readonly title: string
  readonly requirement: string
  readonly source: string
  readonly severity: Severity
  readonly verdict: Verdict['verdict']
  /** One line on what was seen; absent for what passed. */
  readonly detail?: string
  /** How long the case took, in milliseconds. */
  readonly millis: number
}

/** How many cases ended how. */
export interface Totals {
  readonly pass: number
  readonly fail: number
  readonly skip: number
  readonly error: number
  /** Failed cases by severity, `error` included. */
  readonly failed: { readonly must: number; readonly should: number; readonly may: number }
}

/** What a run of the suite has found. Plain JSON. */
export interface SuiteReport {
  readonly suite: { readonly name: string; readonly version: string }
  readonly target: { readonly name: string; readonly version: string | null; readonly url: string }
  /** ISO 8601, in UTC. */
  readonly startedAt: string
  readonly millis: number
  readonly totals: Totals
  /** In the order of {@link GROUPS}, then as listed. */
  readonly cases: readonly CaseReport[]
}

/** Counts a report's cases. */
export function totalsOf(cases: readonly CaseReport[]): Totals {
  const count = (wanted: Verdict['verdict']): number => cases.filter(({ verdict }) => verdict === wanted).length
  const failed = (wanted: Severity): number =>
    cases.filter(({ verdict, severity }) => (verdict === 'fail' || verdict === 'error') && severity === wanted).length
  return {
    pass: count('pass'),
    fail: count('fail'),
    skip: count('skip'),
    error: count('error'),
    failed: { must: failed('must'), should: failed('should'), may: failed('may') },
  }
}
