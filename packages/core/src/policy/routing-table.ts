import { pricing as listPricing, type Pricing } from '../meter/price.ts'
import { promptTokens, type TokenBuckets } from '../meter/usage.ts'
import { reportOf, tokenRatio } from './arithmetic.ts'
import { isTurn } from './conversation-key.ts'
import { compilePolicy, type CompiledPolicy } from './compile-policy.ts'
import { Conversations } from './conversations.ts'
import { decideRoute, type RouteQuestion } from './decide.ts'
import type { Policy } from './policy-document.ts'
import { PrefixCache } from './prefix-cache.ts'
import { recommendedPolicy } from './recommended-policy.ts'
import type { RequestShape } from './request-shape.ts'
import type { RouteFacts } from './route-facts.ts'
import { simulatedSessions, type SessionShape, type SimulatedRequest } from './simulated-sessions.ts'

/** What one way of routing came to over the same sessions. */
export interface RoutingRow {
  readonly name: string
  /** True where Sluice decides; else each request is sent where the rule says, come what may. */
  readonly isSluice: boolean
  readonly costNanoUsd: bigint
  /** Of what it costs to send everything where the client asks. */
  readonly percentOfDirect: number
  /** Turns of the main loop that went elsewhere than the client asked. */
  readonly mainTurnsMoved: number
  /** Turns sent to another model than the turn before. */
  readonly switches: number
  /** Turns whose history holds another model's thinking. The API refuses such, or drops the thinking; their cost is counted as if nothing had happened. */
  readonly brokenTurns: number
  /** Requests that the policy refuses: by a rule that denies, a stop, or a region. They are not sent, and cost nothing. */
  readonly refused: number
  /** Of all prompt tokens, those read from the cache. */
  readonly cacheReadPercent: number
}

/** Options of {@link routingTable}. */
export interface RoutingTableOptions extends SessionShape {
  /** What the client asks for. @defaultValue 'claude-opus-5-5' */
  readonly model?: string
  /** Where the rule sends what is small. @defaultValue 'claude-haiku-4-5' */
  readonly smallModel?: string
  /** @defaultValue list prices */
  readonly pricing?: Pricing
  /** Further policies to be compared, by name. @defaultValue none */
  readonly policies?: Readonly<Record<string, Policy>>
}

/** Chooses a model for a request. */
type Strategy = (
  request: SimulatedRequest,
  facts: RouteFacts,
) => { readonly model: string; readonly isRefused?: boolean; readonly settled?: (usage: TokenBuckets) => void }

/**
 * Sends the same synthetic sessions in several ways, each against a prompt cache of its own, and says what each costs: everything where the client asks; the rule
 * "under 10K input tokens to the small model" read two ways, and a switch turn by turn, all without a thought for the session; and the same rules as Sluice follows them.
 */
export function routingTable(options: RoutingTableOptions = {}): readonly RoutingRow[] {
  const { model = 'claude-opus-5-5', smallModel = 'claude-haiku-4-5', pricing = listPricing(), policies = {} } = options
  const requests = simulatedSessions(options)
  const rule = (condition: string): Policy => ({ version: 1, defaults: { adapt: true }, rules: [`when ${condition} use ${smallModel} else ${model}`] })
  const byPrompt = rule('input < 10k')
  const byNew = rule('new < 10k')
  const strategies: readonly (readonly [name: string, isSluice: boolean, strategy: Strategy])[] = [
    ['direct: always what the client asks', false, () => ({ model })],
    ['rule by whole prompt, followed blindly', false, blindly(compilePolicy(byPrompt))],
    ['rule by new tokens, followed blindly', false, blindly(compilePolicy(byNew))],
    ['switching turn by turn, short answers to the small model', false, (request) => ({ model: request.outputTokens < 225 ? smallModel : model })],
    ['Sluice: rule by whole prompt', true, bySluice(compilePolicy(byPrompt), pricing)],
    ['Sluice: rule by new tokens', true, bySluice(compilePolicy(byNew), pricing)],
    ['Sluice: recommended policy', true, bySluice(compilePolicy(recommendedPolicy), pricing)],
    ...Object.entries(policies).map(([name, policy]) => [`Sluice: ${name}`, true, bySluice(compilePolicy(policy), pricing)] as const),
  ]
  const played = strategies.map(([name, isSluice, strategy]) => ({ name, isSluice, ...play(requests, model, strategy, pricing) }))
  const direct = played[0]?.costNanoUsd ?? 0n
  return played.map((row) => ({ ...row, percentOfDirect: direct === 0n ? 100 : Number((row.costNanoUsd * 1_000_000n) / direct) / 10_000 }))
}

function play(
  requests: readonly SimulatedRequest[],
  asked: string,
  strategy: Strategy,
  pricing: Pricing,
): Omit<RoutingRow, 'name' | 'isSluice' | 'percentOfDirect'> {
  const { capabilities } = compilePolicy({ version: 1, rules: [] })
  const cache = new PrefixCache()
  const state = new Map<string, { model: string; readonly thoughtOf: Set<string>; turn: number; startedAt: number }>()
  let costNanoUsd = 0n
  let [switches, brokenTurns, mainTurnsMoved, refused, read, prompt] = [0, 0, 0, 0, 0, 0]
  for (const request of requests) {
    const { at, kind, outputTokens, isOfMainPrefix } = request
    const prefix = prefixOf(request)
    const before = state.get(prefix)
    const facts = factsOf(request, asked, request.promptTokens - cache.held(before?.model ?? asked, prefix, at), before)
    const { model, isRefused, settled } = strategy(request, facts)
    if (isRefused === true) {
      refused += 1
      continue
    }
    const scaled = (tokens: number): number => Math.ceil((tokens * tokenRatio(capabilities, asked, model)) / 1_000)
    const isOwnTurn = isTurn(kind)
    const tokens: TokenBuckets = { ...cache.send(model, prefix, scaled(request.promptTokens), at, isOwnTurn), outputTokens: scaled(outputTokens) }
    costNanoUsd += pricing.cost(reportOf(model, tokens, {}), at).nanoUsd
    read += tokens.cacheReadTokens
    prompt += promptTokens(tokens)
    settled?.(tokens)
    const thoughtOf = before?.thoughtOf ?? new Set<string>()
    if (request.hasSignedThinking && isOfMainPrefix === (request.agent === undefined) && [...thoughtOf].some((other) => other !== model)) brokenTurns += 1
    if (kind === 'main' && model !== asked) mainTurnsMoved += 1
    if (!isOwnTurn) continue
    if (before !== undefined && before.model !== model) switches += 1
    thoughtOf.add(model)
    state.set(prefix, { model, thoughtOf, turn: (before?.turn ?? 0) + 1, startedAt: before?.startedAt ?? at })
  }
  return { costNanoUsd, mainTurnsMoved, switches, brokenTurns, refused, cacheReadPercent: prompt === 0 ? 0 : Math.round((1_000 * read) / prompt) / 10 }
}

/** Every request by itself, as a gateway does that knows no sessions. */
function blindly(compiled: CompiledPolicy): Strategy {
  return (_request, facts) => {
    const { action } = compiled.evaluate(facts)
    return { model: action !== undefined && 'target' in action ? (action.target.model ?? facts.model) : facts.model }
  }
}

const plainShape: RequestShape = {
  maxTokens: 4_096,
  thinking: undefined,
  hasEffort: false,
  hasDeferredTools: false,
  hasSampling: false,
  messages: { systemRoles: [], turnOutputConfigs: [], hasSystemAfterAssistant: false },
}

/** The decision that the router makes, with all that it remembers. */
function bySluice(compiled: CompiledPolicy, pricing: Pricing): Strategy {
  const conversations = new Conversations(10_000)
  return (request, facts) => {
    const isAside = !isTurn(request.kind)
    const key = prefixOf(request)
    const question: RouteQuestion = {
      facts,
      bytes: request.promptTokens * 4,
      conditions: {},
      conversation: isAside ? undefined : key,
      parent: isAside ? request.session : undefined,
      isAside,
      spreadKey: key,
      defaultUpstream: 'anthropic',
      shape: () => plainShape,
      hasHistory: () => request.hasSignedThinking,
      hasSignedThinking: () => request.hasSignedThinking,
      isAllowed: () => true,
    }
    const { target, conversation, denied } = decideRoute({ pricing, conversations }, compiled, 'simulated', question)
    if (denied !== undefined) return { model: target.model, isRefused: true }
    return {
      model: target.model,
      settled: (tokens) =>
        conversations.settled(isAside ? undefined : key, conversation, request.kind, { ...reportOf(target.model, tokens, {}), source: 'final' }, request.at),
    }
  }
}

function prefixOf({ session, agent, isOfMainPrefix, kind }: SimulatedRequest): string {
  if (agent !== undefined) return `${session} ${agent}`
  return isOfMainPrefix ? session : `${session} ${kind}`
}

function factsOf(
  request: SimulatedRequest,
  model: string,
  newTokens: number,
  before: { readonly turn: number; readonly startedAt: number } | undefined,
): RouteFacts {
  const { kind, agentType, promptTokens: inputTokens, at } = request
  return {
    model,
    kind,
    ...(agentType !== undefined && { agentType }),
    inputTokens,
    newTokens: Math.max(0, newTokens),
    contextTokens: inputTokens + 32_000,
    hasTools: kind !== 'title',
    hasThinking: true,
    turn: (before?.turn ?? 0) + 1,
    sessionAgeMillis: before === undefined ? 0 : at - before.startedAt,
    scopes: [],
    tags: {},
    at,
    mustDowngrade: false,
  }
}

/** The table as text, in columns. */
export function routingTableText(rows: readonly RoutingRow[]): string {
  const width = Math.max(...rows.map(({ name }) => name.length))
  const usd = (nanoUsd: bigint): string => `$${(Number(nanoUsd / 1_000_000n) / 1_000).toFixed(2)}`
  const headings = ['way of routing', '    cost', 'of direct', 'main turns moved', 'switches', 'broken turns', 'cache read']
  const line = (cells: readonly string[]): string =>
    cells.map((cell, index) => (index === 0 ? cell.padEnd(width) : cell.padStart(headings[index]?.length ?? 0))).join('  ')
  return [
    line(headings),
    ...rows.map((row) =>
      line([
        row.name,
        usd(row.costNanoUsd),
        `${row.percentOfDirect.toFixed(1)} %`,
        String(row.mainTurnsMoved),
        String(row.switches),
        String(row.brokenTurns),
        `${row.cacheReadPercent.toFixed(1)} %`,
      ]),
    ),
  ].join('\n')
}
