import { compareRuns, type Aspect, type Comparing, type Difference } from './compare.ts'
import type { Observation } from './observation.ts'

/** What is to be said of a run through the gateway. */
export interface Judgement {
  readonly differences: readonly Difference[]
  /** In which no two runs without a gateway were alike, so that nothing can be said. */
  readonly differsByItself: readonly Aspect[]
}

/**
 * Compares a run through the gateway with several without one, and forgives only what the client is seen to do by itself: in each aspect the run must be like one
 * of the others. Where it is like none, it differs, unless the others are not alike either.
 *
 * @param directs - at least one; the differences told are those from the first
 */
export function judgeRuns(directs: readonly Observation[], through: Observation, comparing: Comparing): Judgement {
  const [first = [], ...others] = directs.map((direct) => compareRuns(direct, through, comparing))
  const unlikeAll = first.filter(({ aspect }) => others.every((differences) => has(differences, aspect)))
  const pairs = directs.flatMap((direct, index) => directs.slice(index + 1).map((other) => compareRuns(direct, other, comparing)))
  const isChance = ({ aspect }: Difference): boolean => pairs.length > 0 && pairs.every((differences) => has(differences, aspect))
  return { differences: unlikeAll.filter((each) => !isChance(each)), differsByItself: unlikeAll.filter(isChance).map(({ aspect }) => aspect) }
}

function has(differences: readonly Difference[], aspect: Aspect): boolean {
  return differences.some((each) => each.aspect === aspect)
}
