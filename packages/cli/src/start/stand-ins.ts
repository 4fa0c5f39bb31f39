import type { Plan } from '@sluice/core'
import type { Policy, PolicyRule } from '@sluice/core/policy'
import { longForm, targetsOf } from '../policy/rule-words.ts'

/**
 * Who may stand in for the target of a plan, out of the upstreams in their order: nobody where a rule has named the upstream (a region, a contract), or where the
 * policy itself says who does; never one that is stopped; and under a policy with residency only those in the same region. Without a policy, everybody else.
 */
export function standIns(policy: Policy | undefined, { targets }: Plan, order: readonly string[]): readonly string[] {
  const [{ upstream }] = targets
  const others = order.filter((other) => other !== upstream)
  if (targets.length > 1) return []
  if (policy === undefined) return others
  const { upstreams = {}, stops = [], residency = [] } = policy
  if (upstreams[upstream]?.fallbacks !== undefined || namedBy(policy).has(upstream)) return []
  const region = upstreams[upstream]?.region
  const isStopped = (other: string): boolean => stops.some((stop) => [stop.upstream ?? []].flat().some((pattern) => isMatch(pattern, other)))
  const isInRegion = (other: string): boolean => residency.length === 0 || (region !== undefined && upstreams[other]?.region === region)
  return others.filter((other) => !isStopped(other) && isInRegion(other))
}

function isMatch(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern
}

const known = new WeakMap<Policy, ReadonlySet<string>>()

/** The upstreams that a policy's rules send something to by name. Computed once for each policy. */
function namedBy(policy: Policy): ReadonlySet<string> {
  const found = known.get(policy) ?? new Set(policy.rules.flatMap(upstreamsIn))
  known.set(policy, found)
  return found
}

function upstreamsIn(given: string | PolicyRule): readonly string[] {
  const rule = longForm(given)
  if (rule.shadow === true) return []
  return [rule.do, rule.else].flatMap((action) => targetsOf(action).flatMap(({ upstream }) => upstream ?? []))
}
