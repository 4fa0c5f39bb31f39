import type { RouteAction, RouteCandidate, RouteRecord, RouteTarget, ShadowRoute, SwitchArithmetic } from '../entry/route-record.ts'
import type { Pricing } from '../meter/price.ts'
import { noTokens, type RateConditions } from '../meter/usage.ts'
import { fitOf, type Adaptation } from './adaptations.ts'
import { reportOf, switchArithmetic, tokenRatio } from './arithmetic.ts'
import type { ModelCapabilities } from './capabilities.ts'
import type { CompiledPolicy, CompiledRule, Evaluation } from './compile-policy.ts'
import { isWarm, type Conversation, type Conversations } from './conversations.ts'
import type { PolicyAction, PolicyTarget, SwitchMode } from './policy-document.ts'
import type { RequestShape } from './request-shape.ts'
import type { Limit, TargetLimits } from './limits.ts'
import type { RouteFacts } from './route-facts.ts'
import { weightedOrder } from '../route/weighted-order.ts'

type FullTarget = Required<RouteTarget>

/** What is decided about. What costs a look through the body is asked for only where it matters. */
export interface RouteQuestion {
  readonly facts: RouteFacts
  readonly bytes: number
  readonly conditions: RateConditions
  /** Key of its conversation; undefined where the client does not say, or for a call on the side. */
  readonly conversation: string | undefined
  /** Of a call on the side: key of the conversation that it may share its beginning with. */
  readonly parent: string | undefined
  /** True for a call on the side, which nothing follows. */
  readonly isAside: boolean
  /** What weighted targets are spread by. */
  readonly spreadKey: string
  readonly defaultUpstream: string
  /** Where its conversation went before this process knew it. */
  readonly recalled?: RouteTarget | undefined
  readonly shape: () => RequestShape
  readonly hasHistory: () => boolean
  readonly hasSignedThinking: () => boolean
  /** False for what the caller's key may not use. */
  readonly isAllowed: (target: FullTarget) => boolean
}

/** Where an exchange goes, or why not. */
export interface RouteDecision {
  readonly target: FullTarget
  /** Who is asked where it cannot answer, in this order: others of one weighted rule that have the same model, then its upstream's fallbacks. */
  readonly alternatives: readonly FullTarget[]
  readonly adaptations: readonly Adaptation[]
  readonly record: RouteRecord
  /** The reason, where it is refused. */
  readonly denied: string | undefined
  /** Set where it is refused since nothing that may be used is left. */
  readonly limit: Limit | undefined
  /** The conversation that it is a turn of, as it is now. */
  readonly conversation: Conversation | undefined
}

/** What decisions are made with. */
export interface DecisionDesk {
  readonly pricing: Pricing
  readonly conversations: Conversations
}

/** Decides where one exchange goes, and remembers it of its conversation. Synchronous: two turns of a conversation cannot be decided between each other. */
export function decideRoute(desk: DecisionDesk, compiled: CompiledPolicy, policyVersion: string, question: RouteQuestion): RouteDecision {
  return new Deciding(desk, compiled, question).decide(policyVersion)
}

class Deciding {
  readonly #desk: DecisionDesk
  readonly #compiled: CompiledPolicy
  readonly #question: RouteQuestion
  readonly #candidates: RouteCandidate[] = []
  readonly #notes: string[] = []
  /** The conversation as it stood, where it is one that this process knows and the client still asks for the same model. */
  readonly #known: Conversation | undefined
  /** Where it would go if nothing changed. */
  readonly #current: FullTarget
  readonly #asked: FullTarget
  readonly #limits: TargetLimits | undefined
  #arithmetic: SwitchArithmetic | undefined
  /** The model of its session that cannot take this request any more. */
  #outgrown: string | undefined

  constructor(desk: DecisionDesk, compiled: CompiledPolicy, question: RouteQuestion) {
    this.#desk = desk
    this.#compiled = compiled
    this.#question = question
    this.#limits = compiled.limits(question.facts)
    this.#asked = { upstream: compiled.defaults.upstream ?? question.defaultUpstream, model: question.facts.model }
    this.#known = this.#findKnown()
    const known = this.#known
    this.#current =
      known === undefined || (known.refusedBy.includes(known.target.model) && known.target.model !== this.#asked.model) ? this.#asked : known.target
  }

  decide(policyVersion: string): RouteDecision {
    const { facts } = this.#question
    const evaluation = this.#evaluate()
    const { rule, action } = evaluation
    const shadow = this.#shadowOf(evaluation)
    const name = actionName(action)
    const recordOf = (target: RouteTarget, isSticky: boolean): RouteRecord => ({
      policyVersion,
      ...(rule !== undefined && { rule: rule.name }),
      action: name,
      requestedModel: facts.model,
      target,
      candidates: this.#candidates,
      ...(this.#arithmetic !== undefined && { arithmetic: this.#arithmetic }),
      isSticky,
      notes: this.#notes,
      ...(shadow !== undefined && { shadow }),
    })
    const refused = (denied: string, limit?: Limit): RouteDecision => {
      const none = { target: this.#current, alternatives: [], adaptations: [], conversation: undefined }
      return { ...none, record: recordOf(this.#current, false), denied, limit }
    }
    if (action !== undefined && 'deny' in action) return refused(action.deny)
    const wanted = this.#wanted(action)
    const chosen = wanted.find((target) => this.#takes(target, rule, action)) ?? this.#current
    const canAdapt = same(chosen, this.#current) && this.#known !== undefined ? this.#known.canAdapt : (rule?.canAdapt ?? this.#compiled.defaults.adapt)
    const fitted = this.#fitted(chosen, canAdapt)
    const limit = this.#limits?.(fitted.target)
    const standIn = limit && [...wanted, fitted.target].flatMap((other) => this.#fallbacksOf(other)).find((other) => this.#isOpen(other))
    if (limit !== undefined && standIn === undefined) return refused(limit.why, limit)
    if (standIn !== undefined) this.#candidates.push({ ...standIn, verdict: 'chosen', why: 'it stands in for an upstream that may not be used' })
    const { target, adaptations } =
      standIn === undefined ? fitted : { target: standIn, adaptations: standIn.model === fitted.target.model ? fitted.adaptations : [] }
    const isSticky =
      this.#known !== undefined && !this.#question.isAside && same(target, this.#current) && !wanted.some((other, index) => index === 0 && same(other, target))
    const peers = wanted.filter((other) => other.model === target.model && !same(other, target))
    // What was done to make the request fit one model may spoil it for another.
    const fallbacks = this.#fallbacksOf(target).filter((other) => adaptations.length === 0 || other.model === target.model)
    const alternatives = [...peers, ...fallbacks.filter((other) => !peers.some((peer) => same(peer, other)))].filter((other) => this.#isOpen(other))
    const conversation = this.#remember(target, canAdapt)
    return { target, alternatives, adaptations, record: recordOf(target, isSticky), denied: undefined, limit: undefined, conversation }
  }

  #isOpen(target: FullTarget): boolean {
    return this.#question.isAllowed(target) && this.#limits?.(target) === undefined
  }

  /** Those that stand in for a target's upstream and can be sent the request as it came. */
  #fallbacksOf(target: FullTarget): readonly FullTarget[] {
    const chain = this.#compiled.fallbacks.get(target.upstream)
    if (chain === undefined) return []
    return chain
      .map(({ upstream = target.upstream, model = target.model }) => ({ upstream, model }))
      .filter((other) => !same(other, target) && (other.model === target.model || this.#isTakenElsewhere(other.model)))
  }

  /** True where another model than the session's takes the request: without changes, and without the thinking of another. */
  #isTakenElsewhere(model: string): boolean {
    return !this.#question.hasSignedThinking() && this.#obstacle(model, this.#compiled.capabilities(model), false) === undefined
  }

  #findKnown(): Conversation | undefined {
    const { conversation, parent, isAside, facts, bytes, recalled } = this.#question
    const { conversations } = this.#desk
    if (isAside) {
      const main = parent === undefined ? undefined : conversations.find(parent)
      // A side call that is nearly as long as the conversation begins as it does, and is read from its cache.
      return main !== undefined && main.requestedModel === facts.model && bytes * 2 >= main.bytes ? main : undefined
    }
    if (conversation === undefined) return undefined
    const known = conversations.find(conversation)
    if (known !== undefined) {
      if (known.requestedModel === facts.model) return known
      this.#notes.push(`the client went from ${known.requestedModel} to ${facts.model}`)
      return undefined
    }
    if (recalled === undefined) return undefined
    this.#notes.push('the session was recalled from the ledger')
    const target = { upstream: recalled.upstream, model: recalled.model ?? facts.model }
    const { defaults, capabilities } = this.#compiled
    return conversations.assign(
      conversation,
      { target, requestedModel: facts.model, capabilities: capabilities(target.model), canAdapt: defaults.adapt || target.model !== facts.model },
      facts.at,
    )
  }

  #evaluate(): Evaluation {
    const { conversation, isAside, facts, hasHistory } = this.#question
    const isUnnamed = conversation === undefined && !isAside
    const isStableOnly = isUnnamed && this.#compiled.rules.some(({ isStable }) => !isStable) && hasHistory()
    if (isStableOnly) this.#notes.push('the client names no session: rules that its turns may disagree on were passed over')
    return this.#compiled.evaluate(facts, isStableOnly)
  }

  /** The targets that an action names, the most wanted first. */
  #wanted(action: PolicyAction | undefined): readonly FullTarget[] {
    const full = ({ model, upstream }: PolicyTarget): FullTarget => ({ upstream: upstream ?? this.#asked.upstream, model: model ?? this.#asked.model })
    if (action === undefined || 'keep' in action || 'deny' in action) return [this.#asked]
    if ('target' in action) return [full(action.target)]
    if ('downgrade' in action) return action.downgrade.map(full)
    const ordered = weightedOrder(this.#question.spreadKey, action.targets, ({ model, upstream }) => `${upstream ?? ''} ${model ?? ''}`).map(full)
    // Whatever became of the weights, a session stays where it is while the rule names that place.
    return this.#known !== undefined && ordered.some((target) => same(target, this.#current))
      ? [this.#current, ...ordered.filter((target) => !same(target, this.#current))]
      : ordered
  }

  /** Judges one candidate, and says so in the record. */
  #takes(target: FullTarget, rule: CompiledRule | undefined, action: PolicyAction | undefined): boolean {
    const judged = (verdict: RouteCandidate['verdict'], why?: string): boolean => {
      this.#candidates.push({ ...target, verdict, ...(why !== undefined && { why }) })
      return verdict === 'chosen' || verdict === 'same'
    }
    const limit = this.#limits?.(target)
    if (limit !== undefined) return judged('not-accepted', limit.why)
    if (this.#known?.refusedBy.includes(target.model) === true) return judged('not-accepted', 'it refused the first request of this session')
    if (this.#hasOutgrown(target.model)) return judged('not-accepted', 'the session has outgrown it')
    if (same(target, this.#current)) return judged('same')
    if (!this.#question.isAllowed(target)) return judged('not-accepted', 'the key may not use it')
    if (action !== undefined && 'downgrade' in action && !this.#isCheaper(target.model)) return judged('not-cheaper')
    const obstacle = this.#obstacle(target.model, this.#compiled.capabilities(target.model), rule?.canAdapt ?? this.#compiled.defaults.adapt)
    if (obstacle !== undefined) return judged('not-accepted', obstacle)
    if (this.#limits?.(this.#current) !== undefined) return this.#mustMove(target, judged)
    return this.#isUnderWay() ? this.#mayMove(target, rule?.switch ?? this.#compiled.defaults.switch, judged) : judged('chosen')
  }

  /** True where something is lost by going elsewhere than to the current target. */
  #isUnderWay(): boolean {
    const { conversation, isAside, hasHistory, hasSignedThinking } = this.#question
    if (this.#known !== undefined) return true
    // What names no session is judged by rules that all its turns agree on; a side call stands alone, unless it brings signed thinking along.
    return isAside ? hasSignedThinking() : conversation !== undefined && hasHistory()
  }

  /** Estimates waver where a window ends: a session that went back and forth there would lose its cache each time. One that was compacted is another matter. */
  #hasOutgrown(model: string): boolean {
    const outgrown = this.#known?.outgrown
    return outgrown?.model === model && this.#question.bytes * 2 >= outgrown.bytes
  }

  /** Where it may not stay, nothing is to be reckoned; but nobody else is sent the thinking of a model. */
  #mustMove(target: FullTarget, judged: (verdict: RouteCandidate['verdict'], why?: string) => boolean): boolean {
    if (target.model !== this.#current.model && this.#question.hasSignedThinking()) return judged('pinned', pinnedTo(this.#current.model))
    return judged('chosen')
  }

  #mayMove(target: FullTarget, mode: SwitchMode, judged: (verdict: RouteCandidate['verdict'], why?: string) => boolean): boolean {
    const { hasSignedThinking } = this.#question
    if (target.model !== this.#current.model && hasSignedThinking()) return judged('pinned', pinnedTo(this.#current.model))
    if (mode === 'new-sessions') return judged('new-sessions')
    if (mode === 'always') return judged('chosen')
    const unpriced = [this.#current.model, target.model].find((model) => this.#desk.pricing.find(model, this.#question.facts.at) === undefined)
    if (unpriced !== undefined) return judged('does-not-pay', `the price of ${unpriced} is not known`)
    const arithmetic = this.#reckon(target.model)
    this.#arithmetic ??= arithmetic
    if (!arithmetic.isWorthIt) return judged('does-not-pay')
    this.#arithmetic = arithmetic
    return judged('chosen')
  }

  #reckon(to: string): SwitchArithmetic {
    const { facts, isAside, conditions, bytes } = this.#question
    const { pricing, conversations } = this.#desk
    const known = this.#known
    // A body far shorter than the last one is a conversation begun anew: compacted, or cleared.
    const isSamePrefix = known === undefined || isAside || bytes * 2 >= known.bytes
    const isHeld = known === undefined ? true : isWarm(known, facts.at) && isSamePrefix
    return switchArithmetic({
      pricing,
      capabilities: this.#compiled.capabilities,
      from: this.#current.model,
      to,
      at: facts.at,
      promptTokens: facts.inputTokens,
      warmTokens: isHeld ? (known?.promptTokens ?? facts.inputTokens) : 0,
      outputTokens: conversations.outputTokens(facts.kind),
      growthTokens: known?.growthTokens ?? 0,
      remainingTurns: isAside ? 1 : Math.min(this.#compiled.defaults.remainingTurns, Math.max(1, known?.turns ?? 1)),
      isLongCache: known?.isLongCache ?? false,
      conditions,
    })
  }

  /** Whether the same turn, read from no cache, costs less there than where the client asked for. */
  #isCheaper(model: string): boolean {
    const { facts, conditions } = this.#question
    const { pricing, conversations } = this.#desk
    const { model: asked } = this.#asked
    if (pricing.find(model, facts.at) === undefined || pricing.find(asked, facts.at) === undefined) return false
    const ratio = tokenRatio(this.#compiled.capabilities, asked, model)
    const cost = (name: string, perThousand: number): bigint => {
      const scaled = (tokens: number): number => Math.ceil((tokens * perThousand) / 1_000)
      const tokens = { ...noTokens, cacheWrite5mTokens: scaled(facts.inputTokens), outputTokens: scaled(conversations.outputTokens(facts.kind)) }
      return pricing.cost(reportOf(name, tokens, conditions), facts.at).nanoUsd
    }
    return cost(model, ratio) < cost(asked, 1_000)
  }

  /** Why a model cannot be sent this request; undefined where it can, adapted where that is allowed. */
  #obstacle(model: string, capabilities: ModelCapabilities, canAdapt: boolean): string | undefined {
    if (model === this.#asked.model) return undefined
    const { adaptations, obstacles } = this.#fit(model, capabilities)
    if (obstacles.length > 0) return `it does not take ${obstacles.join('; ')}`
    if (adaptations.length > 0 && !canAdapt) return `it takes the request only adapted: ${adaptations.map(({ name }) => name).join('; ')}`
    return undefined
  }

  #fit(model: string, capabilities: ModelCapabilities): ReturnType<typeof fitOf> {
    const { facts, shape } = this.#question
    const ratio = tokenRatio(this.#compiled.capabilities, this.#current.model, model)
    return fitOf(shape(), capabilities, Math.ceil((facts.inputTokens * ratio) / 1_000))
  }

  /** The chosen target with what makes the request fit it. A session may outgrow its target: then it goes where its client asked, rather than be sent to fail. */
  #fitted(chosen: FullTarget, canAdapt: boolean): { readonly target: FullTarget; readonly adaptations: readonly Adaptation[] } {
    if (chosen.model === this.#asked.model) return { target: chosen, adaptations: [] }
    const capabilities = same(chosen, this.#current) && this.#known !== undefined ? this.#known.capabilities : this.#compiled.capabilities(chosen.model)
    const obstacle = this.#obstacle(chosen.model, capabilities, canAdapt)
    if (obstacle !== undefined) {
      this.#notes.push(`${chosen.model} cannot take this request any more (${obstacle}): it goes where the client asked`)
      this.#outgrown = chosen.model
      return { target: this.#asked, adaptations: [] }
    }
    const { adaptations } = this.#fit(chosen.model, capabilities)
    for (const { name } of adaptations) this.#notes.push(`adapted: ${name}`)
    return { target: chosen, adaptations }
  }

  #shadowOf({ shadow }: Evaluation): ShadowRoute | undefined {
    if (shadow === undefined) return undefined
    const { rule, action } = shadow
    if ('deny' in action) return { rule: rule.name, action: 'deny', why: action.deny }
    const wanted = this.#wanted(action)
    const target = ('downgrade' in action ? wanted.find(({ model }) => this.#isCheaper(model)) : wanted[0]) ?? this.#current
    return { rule: rule.name, action: actionName(action), target }
  }

  #remember(target: FullTarget, canAdapt: boolean): Conversation | undefined {
    const { conversation: key, facts, isAside, bytes } = this.#question
    if (key === undefined || isAside) return undefined
    const isUnchanged = this.#known !== undefined && same(target, this.#known.target)
    const capabilities = this.#compiled.capabilities(target.model)
    const conversation =
      isUnchanged && this.#known !== undefined
        ? this.#known
        : this.#desk.conversations.assign(key, { target, requestedModel: facts.model, capabilities, canAdapt }, facts.at)
    conversation.turns += 1
    conversation.bytes = bytes
    if (this.#outgrown !== undefined) conversation.outgrown = { model: this.#outgrown, bytes }
    return conversation
  }
}

function pinnedTo(model: string): string {
  return `the history holds thinking; only ${model} may be sent it`
}

function same(left: FullTarget, right: FullTarget): boolean {
  return left.model === right.model && left.upstream === right.upstream
}

function actionName(action: PolicyAction | undefined): RouteAction {
  if (action === undefined) return 'none'
  if ('target' in action) return 'target'
  if ('targets' in action) return 'targets'
  if ('downgrade' in action) return 'downgrade'
  return 'keep' in action ? 'keep' : 'deny'
}
