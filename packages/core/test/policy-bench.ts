import type { Attribution, RequestKind } from '../src/entry/attribution.ts'
import type { RouteRecord } from '../src/entry/route-record.ts'
import type { Settlement } from '../src/entry/settlement.ts'
import type { Fault } from '../src/errors.ts'
import { createGateway } from '../src/gateway.ts'
import { policyRouter, type PolicyRouter, type PolicyRouterOptions } from '../src/policy/policy-router.ts'
import type { Principal } from '../src/ports/key-ring.ts'
import { swapCredential } from '../src/route/upstream-credential.ts'
import { clientRequest } from '../src/testing/client-request.ts'
import { collectingSink, type CollectingSink } from '../src/testing/collecting-sink.ts'
import { manualClock, type ManualClock } from '../src/testing/manual-clock.ts'
import { scriptedTransport, type ScriptedTransport } from '../src/testing/scripted-transport.ts'
import { toBytes, toText } from '../src/wire/bytes.ts'
import type { HeaderList } from '../src/wire/header-list.ts'

/** One request to a {@link policyBench}. */
export interface Ask {
  readonly json?: unknown
  /** In place of `json`: the body's own text. */
  readonly body?: string
  readonly session?: string
  readonly agent?: string
  readonly agentType?: string
  readonly kind?: RequestKind
  readonly headers?: HeaderList
  readonly principal?: Principal
  readonly path?: string
  readonly mustDowngrade?: boolean
}

/** What became of it. */
export interface Answered {
  readonly settlement: Settlement
  readonly route: RouteRecord
  readonly sink: CollectingSink
  /** The body that the upstream got; empty where none did. */
  readonly sent: string
  readonly sentModel: string | undefined
  readonly sentHeaders: HeaderList
}

/** A gateway that routes by policy, with three upstreams that report what the prompt cache of the model would have had. */
export interface PolicyBench {
  readonly router: PolicyRouter
  readonly clock: ManualClock
  readonly faults: Fault[]
  readonly upstream: ScriptedTransport
  /** The next request is answered with this status. */
  readonly refuseNext: (status: number) => void
  readonly ask: (ask?: Ask) => Promise<Answered>
}

const bytesPerToken = 4

export function policyBench(options: Partial<PolicyRouterOptions> = {}): PolicyBench {
  const clock = manualClock()
  const faults: Fault[] = []
  const onFault = (fault: Fault): void => void faults.push(fault)
  /** Longest prompt that each model has in its cache. */
  const cached = new Map<string, number>()
  let refusal: number | undefined
  const upstream = scriptedTransport((request) => {
    if (refusal !== undefined) {
      const status = refusal
      refusal = undefined
      return { status, headers: [['content-type', 'application/json']], body: ['{"type":"error","error":{"type":"not_found_error"}}'] }
    }
    const body = request.body.map((chunk) => toText(chunk)).join('')
    const { model } = JSON.parse(body) as { readonly model: string }
    const tokens = Math.ceil(toBytes(body).length / bytesPerToken)
    const read = Math.min(tokens, cached.get(model) ?? 0)
    cached.set(model, tokens)
    const usage = { input_tokens: 0, cache_read_input_tokens: read, cache_creation_input_tokens: tokens - read, output_tokens: 200 }
    return {
      headers: [['content-type', 'application/json']],
      body: [JSON.stringify({ id: 'msg_1', type: 'message', role: 'assistant', model, content: [], stop_reason: 'end_turn', usage })],
    }
  })
  const names = ['anthropic', 'bedrock', 'eu']
  const router = policyRouter({ upstream: 'anthropic', upstreams: names, clock, onFault, ...options })
  let ids = 0
  let next: Ask = {}
  const gateway = createGateway({
    runtime: { transport: upstream },
    upstreams: names.map((name) => ({ name, baseUrl: `https://${name}.test`, credential: swapCredential('sk-ant-test') })),
    host: { clock, newId: () => `ex_${(ids += 1)}`, onFault },
  })
    .use({
      name: 'say-whose',
      handle: (exchange, pass) => {
        const { session, agent, agentType, kind = 'main', principal, mustDowngrade } = next
        const by = <Value extends string>(value: Value) => ({ value, source: 'header' as const })
        const attribution: Attribution = {
          kind: by(kind),
          tags: {},
          ...(session !== undefined && { session: by(session) }),
          ...(agent !== undefined && { agent: by(agent) }),
          ...(agentType !== undefined && { agentType: by(agentType) }),
        }
        const budget = mustDowngrade === undefined ? undefined : { statuses: [], mustDowngrade }
        Object.assign(exchange.context, { attribution, ...(principal && { principal }), ...(budget && { budget }) })
        return pass({})
      },
    })
    .route(router)
  return {
    router,
    clock,
    faults,
    upstream,
    refuseNext: (status) => (refusal = status),
    ask: async (ask = {}) => {
      next = ask
      const before = upstream.calls.length
      const sink = collectingSink()
      const body = ask.body ?? JSON.stringify(ask.json ?? turn(1))
      const headers: HeaderList = [['content-type', 'application/json'], ...(ask.headers ?? [])]
      const settlement = await gateway.handle(clientRequest({ target: ask.path ?? '/v1/messages', body, headers }), sink)
      if (settlement === undefined) throw new Error('answered locally')
      const call = upstream.calls[before]
      const sent = call === undefined ? '' : call.request.body.map((chunk) => toText(chunk)).join('')
      return {
        settlement,
        route: settlement.route as RouteRecord,
        sink,
        sent,
        sentModel: call && (JSON.parse(sent) as { readonly model: string }).model,
        sentHeaders: call?.request.headers ?? [],
      }
    },
  }
}

/** Turn `number` of a conversation as the newest client shapes it: each turn adds an answer and a tool's result. `thinking` signs each answer. */
export function turn(number: number, more: object = {}, thinking = false): object {
  const signed = { type: 'thinking', thinking: '', signature: 'c2lnbmF0dXJl' }
  const messages: object[] = [{ role: 'user', content: 'x'.repeat(40_000) }]
  for (let at = 1; at < number; at += 1) {
    messages.push({ role: 'assistant', content: [...(thinking ? [signed] : []), { type: 'text', text: `answer ${at}` }] })
    messages.push({ role: 'user', content: [{ type: 'tool_result', tool_use_id: `toolu_${at}`, content: 'y'.repeat(2_000) }] })
  }
  return { model: 'claude-opus-5-5', max_tokens: 32_000, system: [{ type: 'text', text: 's'.repeat(24_000) }], tools: [{ name: 'Bash' }], messages, ...more }
}
