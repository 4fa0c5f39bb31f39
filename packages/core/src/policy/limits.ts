import type { RouteTarget } from '../entry/route-record.ts'
import { isWithin } from '../keys/scope-path.ts'
import { listOf, patternTest, predicatesOf, type Classes } from './conditions.ts'
import type { Policy, PolicyResidency, PolicyStop } from './policy-document.ts'
import type { RouteFacts } from './route-facts.ts'

/** Why a target may not be used, whatever rules say. */
export interface Limit {
  readonly code: 'stopped' | 'outside-region'
  /** For the developer. */
  readonly why: string
}

/** What limits an exchange; undefined for a target that nothing speaks against. */
export type TargetLimits = (target: Required<RouteTarget>) => Limit | undefined

/** The limits of an exchange; undefined where none concerns it. Total and pure. */
export type LimitsOf = (facts: RouteFacts) => TargetLimits | undefined

const noLimits: LimitsOf = () => undefined

/** A document's stops and residency as functions. `at` is given the place of each, and says it of what compiling throws. @throws whatever `at` makes of a ConditionError */
export function compileLimits(
  { stops = [], residency = [], upstreams = {} }: Policy,
  classes: Classes,
  at: (place: string, compile: () => LimitsOf) => LimitsOf,
): LimitsOf {
  if (stops.length === 0 && residency.length === 0) return noLimits
  const parts = [
    ...stops.map((stop, index) => at(`stops[${index}]`, () => stopLimits(stop, classes))),
    ...residency.map((pin, index) => at(`residency[${index}]`, () => residencyLimits(pin, upstreams, classes))),
  ]
  return (facts) => {
    let concerning: TargetLimits[] | undefined
    for (const part of parts) {
      const limits = part(facts)
      if (limits !== undefined) (concerning ??= []).push(limits)
    }
    return concerning && firstOf(concerning)
  }
}

function firstOf(all: readonly TargetLimits[]): TargetLimits {
  return (target) => {
    for (const limits of all) {
      const found = limits(target)
      if (found !== undefined) return found
    }
    return undefined
  }
}

function stopLimits({ model, upstream, scope, reason }: PolicyStop, classes: Classes): LimitsOf {
  const isModel = model === undefined ? undefined : patternTest(listOf(model), classes.models, 'classes')
  const upstreams = upstream === undefined ? undefined : new Set(listOf(upstream))
  const scopes = scope === undefined ? undefined : listOf(scope)
  const limits: TargetLimits = (target) => {
    if (upstreams?.has(target.upstream) === false || isModel?.(target.model) === false) return undefined
    const parts = [isModel !== undefined && target.model, upstreams !== undefined && `the upstream "${target.upstream}"`].filter((part) => part !== false)
    return { code: 'stopped', why: `${parts.length === 0 ? 'This scope' : parts.join(' at ')} is stopped: ${reason}` }
  }
  return (facts) => (scopes === undefined || facts.scopes.some((path) => scopes.some((ancestor) => isWithin(path, ancestor))) ? limits : undefined)
}

function residencyLimits({ regions, ...when }: PolicyResidency, upstreams: NonNullable<Policy['upstreams']>, classes: Classes): LimitsOf {
  const predicates = predicatesOf(when, classes)
  const allowed = new Set(Object.keys(upstreams).filter((name) => regions.includes(upstreams[name]?.region ?? '')))
  const why = `This may only be handled in ${regions.join(' or ')}, and the upstream that it would go to is not there. Ask the gateway's operator.`
  const limits: TargetLimits = ({ upstream }) => (allowed.has(upstream) ? undefined : { code: 'outside-region', why })
  return (facts) => (predicates.every((holds) => holds(facts)) ? limits : undefined)
}
