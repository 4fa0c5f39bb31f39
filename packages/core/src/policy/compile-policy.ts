import { ConfigurationError } from '../errors.ts'
import { capabilityTable, type CapabilityTable } from './capabilities.ts'
import { ConditionError, listOf, predicatesOf, type Classes, type Predicate } from './conditions.ts'
import { compileFallbacks, FallbackError, type Fallbacks } from './fallbacks.ts'
import { compileLimits, type LimitsOf } from './limits.ts'
import type { Conditions, Policy, PolicyAction, PolicyDefaults, PolicyRule, SwitchMode } from './policy-document.ts'
import { documentSchema, problemIn, ruleSchema } from './policy-schema.ts'
import type { RouteFacts } from './route-facts.ts'
import { parseRuleText, RuleTextError } from './rule-text.ts'

/** A rule, ready to be asked. */
export interface CompiledRule {
  /** Its name, else its place. */
  readonly name: string
  readonly do: PolicyAction
  readonly else: PolicyAction | undefined
  readonly canAdapt: boolean
  readonly switch: SwitchMode
  readonly isShadow: boolean
  /** True where it depends on nothing that differs between the turns of one conversation. */
  readonly isStable: boolean
  readonly predicates: readonly Predicate[]
}

/** What a policy says of an exchange. */
export interface Evaluation {
  /** Undefined where none matched. */
  readonly rule: CompiledRule | undefined
  readonly action: PolicyAction | undefined
  /** The first rule that only watches and would have decided, and what it would have done. */
  readonly shadow: { readonly rule: CompiledRule; readonly action: PolicyAction } | undefined
}

/** A policy, ready to be asked. Immutable. */
export interface CompiledPolicy {
  readonly policy: Policy
  readonly defaults: Required<Omit<PolicyDefaults, 'upstream'>> & { readonly upstream: string | undefined }
  readonly rules: readonly CompiledRule[]
  readonly capabilities: CapabilityTable
  /** Who is asked in an upstream's place. */
  readonly fallbacks: Fallbacks
  /** What may not be used, whatever the rules say. */
  readonly limits: LimitsOf
  /** Total, pure, and the same for the same facts. With `isStableOnly`, rules that turns may disagree on are passed over. */
  readonly evaluate: (facts: RouteFacts, isStableOnly?: boolean) => Evaluation
}

const defaultPolicyDefaults = Object.freeze({ adapt: false, switch: 'when-it-pays', remainingTurns: 10 } as const)

/**
 * Checks a policy document and makes it ready to be asked. `upstreams`, where given, are the only ones that it may name.
 *
 * @throws ConfigurationError that names the place in the document, what is wrong, and the fix
 */
export function compilePolicy(document: unknown, upstreams?: readonly string[]): CompiledPolicy {
  const problem = problemIn(documentSchema, document)
  if (problem !== undefined) throw new ConfigurationError(placeOf(problem.path), `${problem.problem}. See the policy's JSON Schema.`)
  const policy = document as Policy
  const classes: Classes = { models: policy.classes ?? {}, repositories: policy.repositoryClasses ?? {} }
  const defaults = { upstream: undefined, ...defaultPolicyDefaults, ...policy.defaults }
  checkUpstream(defaults.upstream, 'defaults.upstream', upstreams)
  checkUpstreams(policy, upstreams)
  const rules = policy.rules.map((given, index) => compileRule(given, `rules[${index}]`, classes, defaults, upstreams))
  const named = new Set<string>()
  for (const { name } of rules) {
    if (named.has(name)) throw new ConfigurationError(placeOf('rules'), `the name "${name}" is used twice. Names tell rules apart in records.`)
    named.add(name)
  }
  const limits = compileLimits(policy, classes, compiledPart)
  const fallbacks = compiledPart('upstreams', () => compileFallbacks(policy))
  return { policy, defaults, rules, capabilities: capabilityTable(policy.models), fallbacks, limits, evaluate: evaluatorOf(rules) }
}

/** What is wrong with a part of the document, said as all its faults are. */
function compiledPart<Part>(place: string, compile: () => Part): Part {
  try {
    return compile()
  } catch (cause) {
    if (cause instanceof FallbackError) throw new ConfigurationError(placeOf(`upstreams.${cause.upstream}.fallbacks`), `${cause.message}.`, { cause })
    if (!(cause instanceof ConditionError)) throw cause
    throw new ConfigurationError(placeOf(place), `${cause.message}.`, { cause })
  }
}

/** Names of upstreams outside of rules, and regions that nothing could ever satisfy. */
function checkUpstreams({ upstreams: described = {}, stops = [], residency = [], offered = [] }: Policy, upstreams: readonly string[] | undefined): void {
  for (const [name, { fallbacks = [] }] of Object.entries(described)) {
    checkUpstream(name, `upstreams.${name}`, upstreams)
    for (const [index, fallback] of fallbacks.entries())
      checkUpstream(typeof fallback === 'string' ? fallback : fallback.upstream, `upstreams.${name}.fallbacks[${index}]`, upstreams)
  }
  for (const [index, { model, upstream, scope }] of stops.entries()) {
    if (model === undefined && upstream === undefined && scope === undefined)
      throw new ConfigurationError(placeOf(`stops[${index}]`), 'names nothing. Give a model, an upstream, a scope, or several.')
    for (const name of listOf(upstream ?? [])) checkUpstream(name, `stops[${index}].upstream`, upstreams)
  }
  const regions = new Set(Object.values(described).map(({ region }) => region))
  for (const [index, pin] of residency.entries()) {
    for (const region of pin.regions)
      if (!regions.has(region))
        throw new ConfigurationError(
          placeOf(`residency[${index}].regions`),
          `"${region}" is the region of no upstream. Say where they are: upstreams.NAME.region.`,
        )
  }
  const models = new Set<string>()
  for (const [index, { model }] of offered.entries()) {
    if (models.has(model)) throw new ConfigurationError(placeOf(`offered[${index}].model`), `"${model}" is offered twice. Name it once.`)
    models.add(model)
  }
}

function evaluatorOf(rules: readonly CompiledRule[]): CompiledPolicy['evaluate'] {
  return (facts, isStableOnly = false) => {
    let shadow: Evaluation['shadow']
    for (const rule of rules) {
      if (isStableOnly && !rule.isStable) continue
      const action = actionOf(rule, facts)
      if (action === undefined) continue
      if (!rule.isShadow) return { rule, action, shadow }
      shadow ??= { rule, action }
    }
    return { rule: undefined, action: undefined, shadow }
  }
}

function actionOf(rule: CompiledRule, facts: RouteFacts): PolicyAction | undefined {
  for (const holds of rule.predicates) if (!holds(facts)) return rule.else
  return rule.do
}

function compileRule(
  given: unknown,
  path: string,
  classes: Classes,
  defaults: CompiledPolicy['defaults'],
  upstreams: readonly string[] | undefined,
): CompiledRule {
  const rule = readRule(given, path)
  const problem = problemIn(ruleSchema, rule)
  if (problem !== undefined)
    throw new ConfigurationError(placeOf(problem.path === '' ? path : `${path}.${problem.path}`), `${problem.problem}. See the policy's JSON Schema.`)
  checkAction(rule.do, `${path}.do`, upstreams)
  if (rule.else !== undefined) checkAction(rule.else, `${path}.else`, upstreams)
  const when = rule.when ?? {}
  try {
    return {
      name: rule.name ?? path,
      do: rule.do,
      else: rule.else,
      canAdapt: rule.adapt ?? defaults.adapt,
      switch: rule.switch ?? defaults.switch,
      isShadow: rule.shadow ?? false,
      isStable: isStable(when),
      predicates: predicatesOf(when, classes),
    }
  } catch (cause) {
    if (!(cause instanceof ConditionError)) throw cause
    throw new ConfigurationError(placeOf(`${path}.when`), `${cause.message}.`, { cause })
  }
}

function readRule(given: unknown, path: string): PolicyRule {
  if (typeof given !== 'string') return given as PolicyRule
  try {
    return parseRuleText(given)
  } catch (cause) {
    if (!(cause instanceof RuleTextError)) throw cause
    throw new ConfigurationError(placeOf(path), `${cause.message}.`, { cause })
  }
}

/** What every turn of a conversation has in common, or nearly always. */
const stableConditions: ReadonlySet<string> = new Set(['model', 'kind', 'agentType', 'scope', 'tags', 'repository', 'region'])

function isStable(when: Conditions): boolean {
  return Object.keys(when).every((name) => stableConditions.has(name))
}

const actionNames = ['target', 'targets', 'downgrade', 'keep', 'deny'] as const

function checkAction(action: PolicyAction, path: string, upstreams: readonly string[] | undefined): void {
  const given = actionNames.filter((name) => name in action)
  if (given.length !== 1) throw new ConfigurationError(placeOf(path), `has ${given.length} actions. Give exactly one of ${actionNames.join(', ')}.`)
  const targets = 'target' in action ? [action.target] : 'targets' in action ? action.targets : 'downgrade' in action ? action.downgrade : []
  for (const [index, { model, upstream }] of targets.entries()) {
    const place = 'target' in action ? `${path}.target` : `${path}.${'targets' in action ? 'targets' : 'downgrade'}[${index}]`
    if (model === undefined && upstream === undefined)
      throw new ConfigurationError(placeOf(place), 'names neither a model nor an upstream. Give one, or use keep.')
    if (model?.includes('*') === true || model?.startsWith('@') === true)
      throw new ConfigurationError(placeOf(`${place}.model`), `"${model}" is a pattern. A target is one model, by its exact id.`)
    checkUpstream(upstream, `${place}.upstream`, upstreams)
  }
}

function checkUpstream(name: string | undefined, path: string, upstreams: readonly string[] | undefined): void {
  if (name === undefined || upstreams === undefined || upstreams.includes(name)) return
  throw new ConfigurationError(placeOf(path), `"${name}" is not configured. There ${upstreams.length === 1 ? 'is' : 'are'} ${upstreams.join(', ')}.`)
}

function placeOf(path: string): string {
  return path === '' ? 'policy' : `policy.${path}`
}
