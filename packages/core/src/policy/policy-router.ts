import type { WithBudget } from '../middleware/budget.ts'
import { spendFacts, type SpendContext } from '../budget/spend-facts.ts'
import type { Attribution } from '../entry/attribution.ts'
import type { RouteTarget } from '../entry/route-record.ts'
import { ConfigurationError, GatewayError, type Fault } from '../errors.ts'
import type { Exchange } from '../exchange/exchange.ts'
import { promptEstimates } from '../exchange/prompt-estimates.ts'
import type { Reply } from '../exchange/reply.ts'
import type { RequestBody } from '../exchange/request-body.ts'
import { systemClock, type Clock } from '../host.ts'
import { pricing as listPricing, type Pricing } from '../meter/price.ts'
import { promptTokens, type RateConditions, type TokenBuckets } from '../meter/usage.ts'
import type { Principal } from '../ports/key-ring.ts'
import { allowsModel } from '../ports/model-patterns.ts'
import type { PolicyShelf } from '../ports/policy-shelf.ts'
import type { Plan, Router, Target } from '../route/router.ts'
import type { Adaptation } from './adaptations.ts'
import { compilePolicy, type CompiledPolicy } from './compile-policy.ts'
import { conversationKey, isTurn, mainKey } from './conversation-key.ts'
import { Conversations } from './conversations.ts'
import { decideRoute, type RouteQuestion } from './decide.ts'
import { PolicyInForce, type VersionedPolicy } from './policy-in-force.ts'
import { isModelsPath, offeredModelsReply } from './offered-models.ts'
import type { OfferedModel, Policy } from './policy-document.ts'
import type { Recall } from './recall.ts'
import { hasHistory, hasSignedThinking, shapeOf } from './request-shape.ts'
import type { RouteFacts } from './route-facts.ts'

/** Options of {@link policyRouter}. */
export interface PolicyRouterOptions {
  /** Where exchanges go unless the policy says otherwise; what is no request of a model always goes there. */
  readonly upstream: string
  /** Names of all configured upstreams: a policy that names another is not valid. @defaultValue not checked */
  readonly upstreams?: readonly string[]
  /** Where policies are published. @defaultValue none */
  readonly shelf?: PolicyShelf
  /** The policy; with a shelf, the one until something is published there. @defaultValue everything is left as it is */
  readonly document?: Policy
  /** Pass the gateway's, where it has its own. @defaultValue list prices */
  readonly pricing?: Pricing
  /** Where the gateway runs, for conditions on `region`. @defaultValue unknown */
  readonly region?: string
  /** Pass the host's, where it has its own. @defaultValue systemClock */
  readonly clock?: Clock
  /** Told of documents that are not valid, and of outages of the shelf. @defaultValue dropped */
  readonly onFault?: (fault: Fault) => void
  /** How old the policy in force may be. @defaultValue 5000 */
  readonly refreshMillis?: number
  /** A shelf that takes longer is out. @defaultValue 2000 */
  readonly answerMillis?: number
  /** Conversations that are remembered. @defaultValue 10000 */
  readonly conversations?: number
  /** Asked where a conversation is under way that this process does not know: `recallFromLedger(ledger)`. @defaultValue it is kept where its client asked */
  readonly recall?: Recall
}

export const defaultPolicyRouterOptions: { readonly refreshMillis: number; readonly answerMillis: number; readonly conversations: number } = Object.freeze({
  refreshMillis: 5_000,
  answerMillis: 2_000,
  conversations: 10_000,
})

/** A router by policy, and what can be asked of it. */
export interface PolicyRouter extends Router {
  /** Version and text of the policy in force; undefined while none has been asked for. */
  readonly inForce: () => { readonly version: string; readonly policy: Policy } | undefined
  /** Fetches the policy from the shelf now, for those who have just published one. Never rejects. */
  readonly refresh: () => Promise<void>
  /** Conversations that are remembered. */
  readonly conversations: () => number
}

/** Name of the reply header that tells the version of the policy an exchange was routed by. */
export const policyHeader = 'x-sluice-policy'

/**
 * Routes by policy. An exchange has one policy from beginning to end. A conversation stays where it began, unless a switch pays, and never against signed thinking
 * in its history; a request is never sent where it cannot be taken. Why it went where it went stands in its settlement.
 * Comes after `attribute()` and, for conditions on budgets, `budget()`.
 *
 * @throws ConfigurationError for a document that is not valid, or a bound that is no positive whole number
 */
export function policyRouter(options: PolicyRouterOptions): PolicyRouter {
  const router = new PolicyRouting(options)
  return Object.assign((exchange: Exchange) => router.route(exchange), {
    estimates: promptEstimates(),
    inForce: () => router.inForce(),
    refresh: () => router.refresh(),
    conversations: () => router.conversations.size,
  })
}

type RouteContext = SpendContext & Partial<WithBudget>

const unattributed: Attribution = { kind: { value: 'other', source: 'request-shape' }, tags: {} }
const modelPaths: ReadonlySet<string> = new Set(['/v1/messages', '/v1/messages/count_tokens'])

class PolicyRouting {
  readonly conversations: Conversations
  readonly #options: PolicyRouterOptions
  readonly #policy: PolicyInForce
  readonly #pricing: Pricing

  constructor(options: PolicyRouterOptions) {
    const { shelf, document, upstreams, upstream, clock = systemClock } = options
    const { refreshMillis, answerMillis, conversations } = { ...defaultPolicyRouterOptions, ...definedOf(options) }
    for (const [name, value] of Object.entries({ refreshMillis, answerMillis, conversations })) {
      if (!Number.isSafeInteger(value) || value <= 0) throw new ConfigurationError(name, `${value} is not a positive whole number.`)
    }
    if (upstreams !== undefined && !upstreams.includes(upstream))
      throw new ConfigurationError('upstream', `"${upstream}" is not among upstreams (${upstreams.join(', ')}). Name one of them.`)
    const onFault = options.onFault ?? (() => undefined)
    const first = document === undefined ? undefined : compilePolicy(document, upstreams)
    this.#options = options
    this.#pricing = options.pricing ?? listPricing()
    this.conversations = new Conversations(conversations)
    this.#policy = new PolicyInForce({ shelf, first, upstreams, clock, onFault, refreshMillis, answerMillis })
  }

  inForce(): { readonly version: string; readonly policy: Policy } | undefined {
    const { known } = this.#policy
    return known && { version: known.version, policy: known.compiled.policy }
  }

  refresh(): Promise<void> {
    return this.#policy.refresh()
  }

  async route(exchange: Exchange): Promise<Plan | Reply> {
    const inForce = await this.#policy.current()
    if (inForce === undefined) {
      throw new GatewayError('policy-unavailable', 'The gateway does not know its routing policy yet, so it sends nothing. Try again in a moment.', {
        retryAfterSeconds: 2,
        shouldRetry: true,
      })
    }
    exchange.setReplyHeader(policyHeader, inForce.version)
    const { offered } = inForce.compiled.policy
    if (offered !== undefined && isModelsPath(exchange.method, exchange.target.path))
      return offeredModelsReply(this.#offered(exchange, inForce.compiled, offered), exchange.target, exchange.headers)
    if (exchange.method !== 'POST' || !modelPaths.has(exchange.target.path)) return this.#routeOther(exchange, inForce.compiled)
    return this.#routeModel(exchange, await exchange.body(), inForce)
  }

  /** Of what the policy offers, what the caller's key may use and neither a stop, a pin nor a rule that denies keeps from this caller. */
  #offered(exchange: Exchange, compiled: CompiledPolicy, offered: readonly OfferedModel[]): readonly OfferedModel[] {
    const { principal } = exchange.context as RouteContext
    const { defaults, limits, evaluate, fallbacks } = compiled
    const upstream = defaults.upstream ?? this.#options.upstream
    const places = [upstream, ...(fallbacks.get(upstream) ?? []).filter((other) => other.model === undefined).map((other) => other.upstream ?? upstream)]
    const plain = plainFacts(exchange, this.#options.region)
    return offered.filter(({ model }) => {
      const facts: RouteFacts = { ...plain, model, kind: 'main' }
      const { action } = evaluate(facts, true)
      if (action !== undefined && 'deny' in action) return false
      const limit = limits(facts)
      return isModelAllowed(principal, model) && places.some((place) => limit?.({ upstream: place, model }) === undefined)
    })
  }

  /** Files, batches and the like: rules are about models, but what is stopped or pinned is so for these, too. */
  #routeOther(exchange: Exchange, { defaults, limits }: CompiledPolicy): Plan {
    const upstream = defaults.upstream ?? this.#options.upstream
    const limit = limits(plainFacts(exchange, this.#options.region))?.({ upstream, model: '' })
    if (limit !== undefined) throw new GatewayError(limit.code, limit.why, { shouldRetry: false })
    return { targets: [{ upstream }] }
  }

  async #routeModel(exchange: Exchange, body: RequestBody, { version, compiled }: VersionedPolicy): Promise<Plan> {
    const context = exchange.context as RouteContext
    const attribution = context.attribution ?? unattributed
    const kind = attribution.kind.value
    const tenant = context.principal?.keyId
    const isAside = !isTurn(kind)
    const key = isAside ? undefined : conversationKey(attribution, tenant)
    const facts = await this.#facts(exchange, body, context, attribution, key)
    const recalled = await this.#recall(body, attribution, tenant, key)
    // From here on nothing waits: what is decided of a conversation stands before its next turn is looked at.
    const question: RouteQuestion = {
      facts,
      bytes: body.length,
      conditions: conditionsOf(body),
      conversation: key,
      parent: isAside ? mainKey(attribution, tenant) : undefined,
      isAside,
      spreadKey: conversationKey(attribution, tenant) ?? exchange.id,
      defaultUpstream: this.#options.upstream,
      recalled,
      shape: once(() => shapeOf(body)),
      hasHistory: once(() => hasHistory(body)),
      hasSignedThinking: once(() => hasSignedThinking(body)),
      // Without a model in it there is nothing to splice: what is wrong with the request is the upstream's to say.
      isAllowed: (target) => facts.model !== '' && isAllowed(context.principal, target),
    }
    const { target, alternatives, adaptations, record, denied, limit, conversation } = decideRoute(
      { pricing: this.#pricing, conversations: this.conversations },
      compiled,
      version,
      question,
    )
    exchange.explainRoute(record)
    if (denied !== undefined) throw new GatewayError(limit?.code ?? 'refused', denied, { shouldRetry: false })
    for (const { patch } of adaptations) exchange.patch(patch)
    if (exchange.target.path === '/v1/messages')
      exchange.onSettled(({ usage, endedAt, outcome, status = 0 }) => {
        this.conversations.settled(key, conversation, kind, usage, endedAt)
        const isRefusal = outcome.kind === 'failed' && outcome.error?.origin === 'upstream' && refusals.has(status)
        if (isRefusal && target.model !== facts.model && key !== undefined && conversation !== undefined) this.conversations.refused(key, conversation)
      })
    return { targets: [toTarget(target, facts.model, adaptations), ...alternatives.map((other) => toTarget(other, facts.model, adaptations))] }
  }

  async #facts(exchange: Exchange, body: RequestBody, context: RouteContext, attribution: Attribution, key: string | undefined): Promise<RouteFacts> {
    const { total } = (await exchange.estimate()).likely.usage
    const spend = spendFacts(context, undefined)
    const maxTokens = body.value('max_tokens', 64)
    const tools = body.member('tools')
    const thinking = body.value('thinking', 4_096)
    const known = key === undefined ? undefined : this.conversations.find(key)
    const inputTokens = exchange.target.path === '/v1/messages' ? promptTokens(total) : Math.ceil(body.length / 4)
    const statuses = context.budget?.statuses ?? []
    return {
      model: body.string('model') ?? '',
      kind: attribution.kind.value,
      ...(attribution.agentType !== undefined && { agentType: attribution.agentType.value }),
      inputTokens,
      newTokens: newTokensOf(total),
      contextTokens: inputTokens + (typeof maxTokens === 'number' ? maxTokens : 0),
      hasTools: tools !== undefined && tools.end - tools.start > 2,
      hasThinking: typeof thinking === 'object' && thinking !== null && (thinking as { readonly type?: unknown }).type !== 'disabled',
      turn: (known?.turns ?? 0) + 1,
      sessionAgeMillis: known === undefined ? 0 : Math.max(0, exchange.startedAt - known.startedAt),
      scopes: spend.scopes,
      tags: spend.tags,
      ...(spend.repository !== undefined && { repository: spend.repository }),
      ...(this.#options.region !== undefined && { region: this.#options.region }),
      at: exchange.startedAt,
      ...(statuses.length > 0 && { budgetUtilization: Math.max(...statuses.map(({ utilization }) => utilization)) }),
      mustDowngrade: context.budget?.mustDowngrade ?? false,
    }
  }

  /** Never rejects: a session that cannot be recalled is one that nobody knows. */
  async #recall(body: RequestBody, { session }: Attribution, tenant: string | undefined, conversation: string | undefined): Promise<RouteTarget | undefined> {
    const { recall, onFault } = this.#options
    if (recall === undefined || session === undefined || conversation === undefined) return undefined
    if (this.conversations.find(conversation) !== undefined || !hasHistory(body)) return undefined
    try {
      const recalled = await recall({ tenant, session: session.value, conversation })
      const { upstreams } = this.#options
      // An upstream that is gone since is nowhere to go back to.
      return recalled !== undefined && upstreams?.includes(recalled.upstream) === false ? undefined : recalled
    } catch (cause) {
      onFault?.({ code: 'policy-shelf-failed', message: 'a session could not be recalled; it goes where its client asks', source: 'policy', cause })
      return undefined
    }
  }
}

/** What is known of an exchange without a look at its body. */
function plainFacts({ context, startedAt }: Exchange, region: string | undefined): RouteFacts {
  const { scopes, tags, repository } = spendFacts(context, undefined)
  return {
    model: '',
    kind: (context as RouteContext).attribution?.kind.value ?? 'other',
    inputTokens: 0,
    newTokens: 0,
    contextTokens: 0,
    turn: 1,
    sessionAgeMillis: 0,
    scopes,
    tags,
    ...(repository !== undefined && { repository }),
    ...(region !== undefined && { region }),
    at: startedAt,
    mustDowngrade: false,
  }
}

function toTarget({ upstream, model }: Required<RouteTarget>, asked: string, adaptations: readonly Adaptation[]): Target {
  const dropBetas = adaptations.flatMap(({ betas }) => betas)
  return { upstream, ...(model !== asked && { model }), ...(dropBetas.length > 0 && { dropBetas }) }
}

/** Statuses by which an upstream says that this model does not take this request, or is not there. */
const refusals: ReadonlySet<number> = new Set([400, 403, 404, 413, 422])

/** What a key is bound to holds for what its requests are turned into, too. */
function isAllowed(principal: Principal | undefined, { model, upstream }: Required<RouteTarget>): boolean {
  const { upstreams } = principal?.restrictions ?? {}
  return (upstreams === undefined || upstreams.includes(upstream)) && isModelAllowed(principal, model)
}

function isModelAllowed(principal: Principal | undefined, model: string): boolean {
  const models = principal?.restrictions?.models
  return models === undefined || allowsModel(models, model)
}

function newTokensOf({ freshInputTokens, cacheWrite5mTokens, cacheWrite1hTokens }: TokenBuckets): number {
  return freshInputTokens + cacheWrite5mTokens + cacheWrite1hTokens
}

function conditionsOf(body: RequestBody): RateConditions {
  const speed = body.value('speed', 64)
  const inferenceGeo = body.value('inference_geo', 64)
  return { ...(typeof speed === 'string' && { speed }), ...(typeof inferenceGeo === 'string' && { inferenceGeo }) }
}

function once<Value>(compute: () => Value): () => Value {
  let known: { readonly value: Value } | undefined
  return () => (known ??= { value: compute() }).value
}

function definedOf({ refreshMillis, answerMillis, conversations }: PolicyRouterOptions): Partial<typeof defaultPolicyRouterOptions> {
  return {
    ...(refreshMillis !== undefined && { refreshMillis }),
    ...(answerMillis !== undefined && { answerMillis }),
    ...(conversations !== undefined && { conversations }),
  }
}
