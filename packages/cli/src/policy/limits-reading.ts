import type { CompiledPolicy, PolicyAction, RouteFacts } from '@sluice/core/policy'
import { targetText, targetsOf } from './rule-words.ts'

/** A place that a request may go to. */
export interface Place {
  readonly model: string
  readonly upstream: string
}

/** What stops and residency say of one place. */
export interface LimitedPlace extends Place {
  readonly code: 'stopped' | 'outside-region'
  readonly why: string
}

/** What stops and residency make of a request. */
export interface LimitsReading {
  /** The places that the policy names for it and that it may not go to. */
  readonly closed: readonly LimitedPlace[]
  /** Where it goes in spite of them; null where nothing is left, and it is refused. */
  readonly open: Place | null
  /** True where that place is a fallback of a closed one. */
  readonly isStandIn: boolean
  /** False where it depends on which upstream serves by default, and nobody has said which. */
  readonly isKnown: boolean
}

/** Stands for the upstream that serves by default, where nobody has said its name. */
const unnamed = '(the default one)'

/**
 * What stops and residency make of a request, by the order that a gateway follows: the targets of the rule, what the client asked for, and who stands in for one of them.
 * Undefined where nothing limits it.
 */
export function readLimits(
  { limits, fallbacks, defaults }: CompiledPolicy,
  facts: RouteFacts,
  action: PolicyAction | undefined,
  defaultUpstream: string | undefined,
): LimitsReading | undefined {
  const limitOf = limits(facts)
  if (limitOf === undefined || (action !== undefined && 'deny' in action)) return undefined
  const asked: Place = { model: facts.model, upstream: defaults.upstream ?? defaultUpstream ?? unnamed }
  const wanted = targetsOf(action).map(({ model = asked.model, upstream = asked.upstream }) => ({ model, upstream }))
  const places = [...wanted, asked].filter((place, at, all) => all.findIndex((other) => isSame(other, place)) === at)
  const closed = places.flatMap((place): LimitedPlace[] => {
    const limit = limitOf(place)
    return limit === undefined ? [] : [{ ...place, ...limit }]
  })
  if (closed.length === 0) return undefined
  const open = places.find((place) => limitOf(place) === undefined)
  const isKnown = !closed.some(({ code, upstream }) => code === 'outside-region' && upstream === unnamed)
  if (open !== undefined) return { closed, open, isStandIn: false, isKnown }
  // Thinking is sent to no other model than its own.
  const isPinned = facts.hasThinking === true && facts.turn > 1
  const standIn = places
    .flatMap((place) => (fallbacks.get(place.upstream) ?? []).map(({ model = place.model, upstream = place.upstream }) => ({ model, upstream })))
    .find((other) => limitOf(other) === undefined && (!isPinned || other.model === facts.model))
  return { closed, open: standIn ?? null, isStandIn: standIn !== undefined, isKnown }
}

/** The same in words, a line each. */
export function limitsLines({ closed, open, isStandIn, isKnown }: LimitsReading): readonly string[] {
  const name = ({ model, upstream }: Place): string => targetText({ model, upstream })
  const lines = closed
    .filter(({ code, upstream }) => code !== 'outside-region' || upstream !== unnamed)
    .map((place) => `${name(place)} may not be used: ${place.why}`)
  if (!isKnown)
    return [
      ...lines,
      'It is pinned to regions, and which upstream serves by default, and so its region, is not known here: say it with --upstreams, the default one first.',
    ]
  if (open === null) return [...lines, `Nothing that may be used is left: it is refused with 403, "${closed.at(-1)?.code ?? 'stopped'}".`]
  return [...lines, isStandIn ? `${name(open)} stands in for it.` : `It goes to ${name(open)}.`]
}

function isSame(left: Place, right: Place): boolean {
  return left.model === right.model && left.upstream === right.upstream
}
