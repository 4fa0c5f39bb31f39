import { createGateway, type Fault, type Settlement, type UpstreamOptions, type UpstreamRequest } from '@sluice/core'
import {
  clientRequest,
  collectingSink,
  manualClock,
  scriptedTransport,
  type CollectingSink,
  type ScriptedReply,
  type ScriptedTransport,
} from '@sluice/core/testing'

/** A gateway in front of one upstream of this package, on a scripted transport. */
export interface UpstreamBench {
  readonly transport: ScriptedTransport
  readonly faults: readonly Fault[]
  readonly send: (parts?: {
    readonly target?: string
    readonly method?: string
    readonly body?: string
    readonly headers?: readonly (readonly [string, string])[]
  }) => Promise<{ readonly settlement: Settlement; readonly sink: CollectingSink; readonly request: UpstreamRequest | undefined }>
}

export const now: number = Date.UTC(2026, 10, 24, 12)

export function upstreamBench(
  upstream: UpstreamOptions,
  reply: ScriptedReply | ((request: UpstreamRequest) => ScriptedReply | Promise<ScriptedReply>),
): UpstreamBench {
  const transport = scriptedTransport(typeof reply === 'function' ? reply : () => reply)
  const faults: Fault[] = []
  const gateway = createGateway({
    runtime: { transport },
    upstreams: [upstream],
    host: { clock: manualClock(now), newId: () => 'ex_1', onFault: (fault) => void faults.push(fault) },
  })
  return {
    transport,
    faults,
    send: async ({ target = '/v1/messages?beta=true', method = 'POST', body = JSON.stringify(messagesBody), headers = [] } = {}) => {
      const sink = collectingSink()
      const all = [['content-type', 'application/json'], ['x-api-key', 'sk-client-canary'], ['authorization', 'Bearer client-canary'], ...headers] as const
      const settlement = await gateway.handle(clientRequest({ target, method, headers: all, ...(method === 'POST' && { body }) }), sink)
      return { settlement: settlement as Settlement, sink, request: transport.calls.at(-1)?.request }
    },
  }
}

export const messagesBody = { model: 'claude-sonnet-4-5-20250929', max_tokens: 16, stream: true, messages: [{ role: 'user', content: 'hi' }] }

/** A complete small stream, event by event. */
export const streamEvents: readonly string[] = [
  '{"type":"message_start","message":{"id":"msg_bdrk_01","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":25,"output_tokens":1}}}',
  '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
  '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"日本語 🎉 done"}}      ',
  '{"type":"content_block_stop","index":0}',
  '{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":40}}',
  '{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":25}}',
]

export const asFrame = (data: string): string => `event: ${(JSON.parse(data) as { type: string }).type}\ndata: ${data}\n\n`

export function textOf(chunks: readonly Uint8Array[]): string {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  return chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join('') + decoder.decode()
}
