import { createGateway, type Gateway, type GatewayOptions } from '../src/gateway.ts'
import type { Fault } from '../src/errors.ts'
import type { Settlement } from '../src/entry/settlement.ts'
import { swapCredential } from '../src/route/upstream-credential.ts'
import { manualClock, type ManualClock } from '../src/testing/manual-clock.ts'
import { clientRequest, type ClientRequestParts, type TestClientRequest } from '../src/testing/client-request.ts'
import { collectingSink, type CollectingSink } from '../src/testing/collecting-sink.ts'
import { scriptedTransport, type ScriptedReply, type ScriptedTransport } from '../src/testing/scripted-transport.ts'

/** A gateway on a scripted upstream and a manual clock. */
export interface Bench {
  readonly gateway: Gateway
  readonly upstream: ScriptedTransport
  readonly clock: ManualClock
  readonly faults: readonly Fault[]
  /** Sends one request and waits for its settlement. */
  readonly send: (parts?: ClientRequestParts, sink?: CollectingSink) => Promise<{ readonly settlement: Settlement; readonly sink: CollectingSink }>
  /** Sends one request; the caller waits when it likes. */
  readonly start: (parts?: ClientRequestParts) => {
    readonly request: TestClientRequest
    readonly sink: CollectingSink
    readonly settled: Promise<Settlement | undefined>
  }
}

export const messagesBody = { model: 'claude-opus-5-5', max_tokens: 16, stream: true, messages: [{ role: 'user', content: 'hi' }] }

export function bench(
  script: readonly ScriptedReply[] | ((index: number) => ScriptedReply),
  options: Partial<Omit<GatewayOptions, 'runtime'>> & { readonly upstream?: Partial<GatewayOptions['upstreams'][number]> } = {},
): Bench {
  const { upstream: upstreamOptions, ...rest } = options
  const upstream = scriptedTransport(typeof script === 'function' ? (_request, index) => script(index) : script)
  const clock = manualClock()
  const faults: Fault[] = []
  let ids = 0
  const gateway = createGateway({
    runtime: { transport: upstream },
    upstreams: [{ name: 'scripted', baseUrl: 'https://upstream.test', credential: swapCredential('sk-ant-canary-upstream'), ...upstreamOptions }],
    host: { clock, newId: () => `ex_${(ids += 1)}`, onFault: (fault) => void faults.push(fault) },
    ...rest,
  })
  const start: Bench['start'] = (parts = { json: messagesBody }) => {
    const request = clientRequest(parts)
    const sink = collectingSink()
    return { request, sink, settled: gateway.handle(request, sink) }
  }
  return {
    gateway,
    upstream,
    clock,
    faults,
    start,
    send: async (parts = { json: messagesBody }, sink = collectingSink()) => {
      const settlement = await gateway.handle(clientRequest(parts), sink)
      if (settlement === undefined) throw new Error('the route was answered locally')
      return { settlement, sink }
    },
  }
}

export const eventStream = [['content-type', 'text/event-stream; charset=utf-8']] as const

/** A complete small reply, frame by frame. */
export const replyFrames: readonly string[] = [
  'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_01","type":"message","role":"assistant","model":"claude-opus-5-5","content":[],"stop_reason":null,"usage":{"input_tokens":25,"output_tokens":1}}}\n\n',
  'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n',
  'event: ping\ndata: {"type": "ping"}\n\n',
  'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"日本語 🎉 done"}}      \n\n',
  'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n',
  'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":40}}\n\n',
  'event: message_stop\ndata: {"type":"message_stop"}\n\n',
]
