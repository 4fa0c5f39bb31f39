import type { CaseContext, ConformanceCase, Verdict } from '../case.ts'
import { Unmet } from '../unmet.ts'

/** What a case checks. It throws {@link Unmet} where the gateway falls short, and returns a verdict only to skip. */
export type Check = (context: CaseContext) => Promise<Verdict | void>

/** A case made of its description and its check. */
export function conformanceCase(description: Omit<ConformanceCase, 'run'>, check: Check): ConformanceCase {
  return {
    ...description,
    run: async (context) => {
      try {
        return (await check(context)) ?? { verdict: 'pass' }
      } catch (error) {
        if (error instanceof Unmet) return { verdict: 'fail', detail: error.message }
        throw error
      }
    },
  }
}
