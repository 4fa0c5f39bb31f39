import { isWithin } from '../keys/scope-path.ts'
import type { Conditions, NumberRange, TimeSpan } from './policy-document.ts'
import type { RouteFacts } from './route-facts.ts'
import { zoneClock } from './zone-clock.ts'

/** True where a condition holds. Total and pure: any facts have an answer, and always the same one. */
export type Predicate = (facts: RouteFacts) => boolean

/** A document's classes, by name. */
export interface Classes {
  readonly models: Readonly<Record<string, readonly string[]>>
  readonly repositories: Readonly<Record<string, readonly string[]>>
}

/** A condition that is well-formed and makes no sense: a class that is not there, a zone that is none. */
export class ConditionError extends Error {
  override readonly name: string = 'ConditionError'
}

/** Conditions as functions, cheapest first: most rules are done with at the first. @throws ConditionError */
export function predicatesOf(when: Conditions, classes: Classes): readonly Predicate[] {
  const { kind, agentType, region, hasTools, hasThinking, tags, budget } = when
  const found: Predicate[] = []
  const add = <Value>(value: Value | undefined, make: (value: Value) => Predicate): void => {
    if (value !== undefined) found.push(make(value))
  }
  add(kind, (kinds) => oneOf(listOf(kinds), (facts) => facts.kind))
  add(hasTools, (wanted) => (facts) => facts.hasTools === wanted)
  add(hasThinking, (wanted) => (facts) => facts.hasThinking === wanted)
  add(when.inputTokens, (range) => within(range, (facts) => facts.inputTokens))
  add(when.newTokens, (range) => within(range, (facts) => facts.newTokens))
  add(when.contextTokens, (range) => within(range, (facts) => facts.contextTokens))
  add(when.turn, (range) => within(range, (facts) => facts.turn))
  add(when.sessionAgeMinutes, (range) => within(range, (facts) => facts.sessionAgeMillis / 60_000))
  if (budget === 'used-up') found.push((facts) => facts.mustDowngrade)
  else add(budget, (range) => within(range, (facts) => facts.budgetUtilization))
  add(when.model, (models) => patterns(listOf(models), classes.models, 'classes', (facts) => facts.model))
  add(agentType, (types) => oneOf(listOf(types), (facts) => facts.agentType))
  add(region, (regions) => oneOf(listOf(regions), (facts) => facts.region))
  add(when.repository, (names) => patterns(listOf(names), classes.repositories, 'repositoryClasses', (facts) => facts.repository))
  for (const [name, values] of Object.entries(tags ?? {}))
    found.push(oneOf(listOf(values), (facts) => (Object.hasOwn(facts.tags, name) ? facts.tags[name] : undefined)))
  add(when.scope, (paths) => {
    const covering = listOf(paths)
    return (facts) => facts.scopes.some((path) => covering.some((ancestor) => isWithin(path, ancestor)))
  })
  add(when.time, during)
  return found
}

/** One or several, as several. */
export function listOf<Value extends string>(values: Value | readonly Value[]): readonly Value[] {
  return typeof values === 'string' ? [values] : values
}

function oneOf(values: readonly string[], read: (facts: RouteFacts) => string | undefined): Predicate {
  if (values.length === 1) {
    const [only] = values
    return (facts) => read(facts) === only
  }
  const set = new Set<string | undefined>(values)
  return (facts) => set.has(read(facts))
}

function within({ atLeast = -Infinity, below = Infinity }: NumberRange, read: (facts: RouteFacts) => number | undefined): Predicate {
  return (facts) => {
    const value = read(facts)
    return value !== undefined && value >= atLeast && value < below
  }
}

function patterns(
  values: readonly string[],
  classes: Readonly<Record<string, readonly string[]>>,
  where: string,
  read: (facts: RouteFacts) => string | undefined,
): Predicate {
  const isOne = patternTest(values, classes, where)
  return (facts) => {
    const value = read(facts)
    return value !== undefined && isOne(value)
  }
}

/** Whether a text is one of these: exact, the start of it before a `*`, or of an `@class`. `where` is the part of the document that has the classes. @throws ConditionError */
export function patternTest(values: readonly string[], classes: Readonly<Record<string, readonly string[]>>, where: string): (value: string) => boolean {
  const exact = new Set<string>()
  const prefixes: string[] = []
  const members = values.flatMap((value) => {
    if (!value.startsWith('@')) return [value]
    const found = Object.hasOwn(classes, value.slice(1)) ? classes[value.slice(1)] : undefined
    if (found === undefined) throw new ConditionError(`names the class "${value}", which ${where} does not have`)
    return found
  })
  for (const member of members) {
    if (member.endsWith('*')) prefixes.push(member.slice(0, -1))
    else exact.add(member)
  }
  return (value) => exact.has(value) || prefixes.some((prefix) => value.startsWith(prefix))
}

const dayNames = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']

function during({ days, from = '00:00', until = '00:00', timeZone }: TimeSpan): Predicate {
  let clock: ReturnType<typeof zoneClock>
  try {
    clock = zoneClock(timeZone)
  } catch (cause) {
    throw new ConditionError(`names the time zone "${timeZone.slice(0, 60)}", which is not known; use an IANA name such as Europe/Berlin`, { cause })
  }
  const isOn = dayNames.map((name) => days === undefined || (days as readonly string[]).includes(name))
  const first = minuteOf(from)
  const last = minuteOf(until) === 0 ? 1_440 : minuteOf(until)
  return (facts) => {
    const { day, minute } = clock(facts.at)
    if (first < last) return isOn[day] === true && minute >= first && minute < last
    // Over midnight: what is left of yesterday's span counts as yesterday.
    return minute >= first ? isOn[day] === true : minute < last && isOn[(day + 6) % 7] === true
  }
}

function minuteOf(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3))
}
