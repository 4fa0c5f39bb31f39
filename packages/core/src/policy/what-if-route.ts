import { spendFacts } from '../budget/spend-facts.ts'
import type { RouteTarget } from '../entry/route-record.ts'
import type { Pricing } from '../meter/price.ts'
import { noTokens, promptTokens, type TokenBuckets, type UsageLine, type UsageReport } from '../meter/usage.ts'
import type { LedgerEntry } from '../ports/ledger.ts'
import { tokenRatio } from './arithmetic.ts'
import type { CompiledPolicy } from './compile-policy.ts'
import { conversationKey, isTurn, mainKey } from './conversation-key.ts'
import { Conversations, isWarm } from './conversations.ts'
import { decideRoute, type RouteQuestion } from './decide.ts'
import type { RequestShape } from './request-shape.ts'
import type { RouteFacts } from './route-facts.ts'

/** Where an exchange would have gone, and what it would have used there. */
export interface ProjectedRoute {
  readonly target: RouteTarget
  readonly usage: UsageReport
  readonly isMoved: boolean
  /** The reason, where the policy would have refused it. */
  readonly denied: string | undefined
}

/** The ledger does not tell what a request asked of its model: it is taken to be what every model takes. */
const plainShape: RequestShape = {
  maxTokens: undefined,
  thinking: undefined,
  hasEffort: false,
  hasDeferredTools: false,
  hasSampling: false,
  messages: { systemRoles: [], turnOutputConfigs: [], hasSystemAfterAssistant: false },
}

/** Follows a policy over settled exchanges, in the order that they began in. */
export class RouteReplay {
  readonly #compiled: CompiledPolicy
  readonly #pricing: Pricing
  readonly #hasSignedThinking: boolean
  readonly #conversations = new Conversations(100_000)

  constructor(compiled: CompiledPolicy, pricing: Pricing, hasSignedThinking: boolean) {
    this.#compiled = compiled
    this.#pricing = pricing
    this.#hasSignedThinking = hasSignedThinking
  }

  route(entry: LedgerEntry): ProjectedRoute {
    const { attribution, principal, usage } = entry
    const kind = attribution.kind.value
    const isAside = !isTurn(kind)
    const key = isAside ? undefined : conversationKey(attribution, principal?.keyId)
    const recordedModel = entry.billedModel ?? entry.resolvedModel ?? entry.requestedModel ?? ''
    const before = key === undefined ? undefined : this.#conversations.find(key)
    const parent = isAside ? mainKey(attribution, principal?.keyId) : undefined
    const host = parent === undefined ? before : this.#conversations.find(parent)
    const warmOn = host && isWarm(host, entry.startedAt) ? host.target.model : undefined
    const hasSignedThinking = (): boolean => this.#hasSignedThinking && (before?.turns ?? 0) > 0
    const question: RouteQuestion = {
      facts: this.#facts(entry, before?.turns ?? 0, before?.startedAt),
      bytes: entry.requestBytes,
      conditions: {},
      conversation: key,
      parent,
      isAside,
      spreadKey: conversationKey(attribution, principal?.keyId) ?? entry.exchangeId,
      defaultUpstream: entry.attempts.at(-1)?.upstream ?? 'default',
      shape: () => plainShape,
      hasHistory: () => (before?.turns ?? 0) > 0,
      hasSignedThinking,
      isAllowed: () => true,
    }
    const decision = decideRoute({ pricing: this.#pricing, conversations: this.#conversations }, this.#compiled, 'what-if', question)
    const { target, denied, conversation } = decision
    const projected = this.#project(usage, recordedModel, target.model, warmOn !== undefined && warmOn !== target.model)
    this.#conversations.settled(key, conversation, kind, projected, entry.endedAt)
    return { target, usage: projected, isMoved: target.model !== recordedModel, denied }
  }

  #facts({ attribution, principal, usage, requestedModel, startedAt }: LedgerEntry, turns: number, sessionStartedAt: number | undefined): RouteFacts {
    const spend = spendFacts({ attribution, ...(principal && { principal }) }, requestedModel)
    const { total } = usage
    const inputTokens = promptTokens(total)
    const kind = attribution.kind.value
    return {
      model: requestedModel ?? '',
      kind,
      ...(attribution.agentType !== undefined && { agentType: attribution.agentType.value }),
      inputTokens,
      newTokens: inputTokens - total.cacheReadTokens,
      contextTokens: inputTokens,
      ...((kind === 'main' || kind === 'sub-agent') && { hasTools: true }),
      turn: turns + 1,
      sessionAgeMillis: sessionStartedAt === undefined ? 0 : startedAt - sessionStartedAt,
      scopes: spend.scopes,
      tags: spend.tags,
      ...(spend.repository !== undefined && { repository: spend.repository }),
      at: startedAt,
      mustDowngrade: false,
    }
  }

  /** Usage on another model: its own way of counting, and where it has nothing of the prompt in its cache, all of it written. */
  #project(usage: UsageReport, from: string, to: string, isCold: boolean): UsageReport {
    if (from === to && !isCold) return usage
    const ratio = tokenRatio(this.#compiled.capabilities, from, to)
    const scaled = (tokens: number): number => Math.ceil((tokens * ratio) / 1_000)
    const moved = (buckets: TokenBuckets): TokenBuckets => {
      const { cacheReadTokens, cacheWrite5mTokens, cacheWrite1hTokens } = buckets
      const rewritten = isCold ? cacheReadTokens : 0
      return {
        ...buckets,
        freshInputTokens: scaled(buckets.freshInputTokens),
        cacheReadTokens: scaled(cacheReadTokens - rewritten),
        cacheWrite5mTokens: scaled(cacheWrite5mTokens + (cacheWrite1hTokens > 0 ? 0 : rewritten)),
        cacheWrite1hTokens: scaled(cacheWrite1hTokens + (cacheWrite1hTokens > 0 ? rewritten : 0)),
        outputTokens: scaled(buckets.outputTokens),
      }
    }
    const lines = usage.lines.map((line): UsageLine => (line.role === 'message' ? { ...line, ...moved(line), model: to } : line))
    return { ...usage, total: usage.source === 'none' ? noTokens : moved(usage.total), lines }
  }
}
