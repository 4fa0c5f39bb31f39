import type { Target } from '../support/target.ts'

/** One behaviour that every runtime must show. Data, so that any runner can run it anywhere. */
export interface BehaviourCase {
  readonly id: string
  /** A sentence, with the regression's number where it proves one. */
  readonly title: string
  /** Says why a runtime is not asked; undefined where it is. */
  readonly notOn?: (target: Pick<Target, 'can' | 'name'>) => string | undefined
  readonly run: (target: Target) => Promise<void>
}
