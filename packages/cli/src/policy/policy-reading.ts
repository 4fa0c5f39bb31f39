import { pricing, type SwitchArithmetic } from '@sluice/core'
import { compilePolicy, switchArithmetic, type CompiledPolicy, type Conditions, type PolicyAction, type RouteFacts } from '@sluice/core/policy'
import type { ImaginedRequest } from './request-facts.ts'
import { limitsLines, readLimits, type LimitsReading } from './limits-reading.ts'
import { actionText, longForm, targetsOf } from './rule-words.ts'

/** What became of one rule. */
export interface RuleReading {
  readonly rule: string
  /** `decides`; `watches`: it only watches; `else`: its conditions do not hold, and it decides all the same; `no`: it does not match; `not-asked`: one above it decided. */
  readonly outcome: 'decides' | 'else' | 'watches' | 'no' | 'not-asked'
  /** Names of the conditions that do not hold. */
  readonly failing: readonly string[]
}

/** What a policy says of a request that nobody has sent. */
export interface PolicyReading {
  readonly rules: readonly RuleReading[]
  /** Name of the rule that decides; null where none matches. */
  readonly rule: string | null
  readonly action: PolicyAction | null
  /** In words: what is wanted for it. */
  readonly wanted: string
  /** For a conversation under way that goes elsewhere by this rule: what staying and switching cost; null where that is not asked. */
  readonly arithmetic: SwitchArithmetic | null
  /** What stops and residency make of it; null where they leave it alone. */
  readonly limits: LimitsReading | null
  /** What else decides, in words. */
  readonly notes: readonly string[]
}

/**
 * Reads a policy for one request: every rule with the conditions that do not hold, and what stops and residency keep it from. Without the gateway, and so without what only a
 * session's history tells. `defaultUpstream`: the upstream that serves where the policy names none.
 */
export function readPolicy(compiled: CompiledPolicy, { facts, outputTokens }: ImaginedRequest, defaultUpstream?: string): PolicyReading {
  const { rule, action } = compiled.evaluate(facts)
  let isDecided = false
  const rules = compiled.rules.map((candidate, at): RuleReading => {
    if (isDecided) return { rule: candidate.name, outcome: 'not-asked', failing: [] }
    const given = compiled.policy.rules[at]
    const failing = given === undefined ? [] : failingOf(longForm(given).when ?? {}, compiled, facts)
    const matches = failing.length === 0
    if (!matches && candidate.else === undefined) return { rule: candidate.name, outcome: 'no', failing }
    if (candidate.isShadow) return { rule: candidate.name, outcome: 'watches', failing }
    isDecided = true
    return { rule: candidate.name, outcome: matches ? 'decides' : 'else', failing }
  })
  const target = targetsOf(action).find(({ model }) => model !== undefined && model !== facts.model)
  const isUnderWay = facts.turn > 1 && (facts.kind === 'main' || facts.kind === 'sub-agent' || facts.kind === 'other')
  const limits = readLimits(compiled, facts, action, defaultUpstream) ?? null
  const notes: string[] = limits === null ? [] : [...limitsLines(limits)]
  let arithmetic: SwitchArithmetic | null = null
  // What may not stay has no choice, and nothing is to be reckoned.
  if (target?.model !== undefined && isUnderWay && limits === null) {
    const mode = rule?.switch ?? compiled.defaults.switch
    if (facts.hasThinking === true) notes.push('The conversation is under way, and its history holds thinking: it stays on the model that it is on.')
    else if (mode === 'new-sessions') notes.push('The conversation is under way, and the rule is for sessions that begin: it stays.')
    else if (mode === 'when-it-pays') {
      arithmetic = reckoned(compiled, facts, target.model, outputTokens)
      notes.push(
        arithmetic.isWorthIt ? 'The conversation is under way, and the switch pays.' : 'The conversation is under way, and the switch does not pay: it stays.',
      )
    }
  }
  if (target?.model !== undefined && !(rule?.canAdapt ?? compiled.defaults.adapt))
    notes.push(`A request that ${target.model} cannot take as it is stays on ${facts.model}: the rule does not adapt.`)
  return {
    rules,
    rule: rule?.name ?? null,
    action: action ?? null,
    wanted: action === undefined ? 'keep it as it came: no rule matches' : actionText(action),
    arithmetic,
    limits,
    notes,
  }
}

/** The conditions that do not hold, asked one by one. */
function failingOf(when: Conditions, { policy }: CompiledPolicy, facts: RouteFacts): readonly string[] {
  return Object.entries(when).flatMap(([name, value]) => {
    const alone = compilePolicy({ ...policy, rules: [{ when: { [name]: value }, do: { keep: true } }] })
    return alone.evaluate(facts).rule === undefined ? [`${name} ${JSON.stringify(value)}`] : []
  })
}

const growthTokens = 1_000

function reckoned({ capabilities, defaults }: CompiledPolicy, facts: RouteFacts, to: string, outputTokens: number): SwitchArithmetic {
  return switchArithmetic({
    pricing: pricing(),
    capabilities,
    from: facts.model,
    to,
    at: facts.at,
    promptTokens: facts.inputTokens,
    warmTokens: facts.inputTokens - facts.newTokens,
    outputTokens,
    growthTokens,
    remainingTurns: Math.min(facts.turn, defaults.remainingTurns),
    isLongCache: false,
    conditions: {},
  })
}
