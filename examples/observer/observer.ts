/**
 * An observer that counts a reply's tool calls, and a gate that ends a stream before a tool is called that this gateway does not allow.
 * Both are declared by a middleware, before the request is sent, and see a reply in either form: the frames of a stream, or one JSON message.
 */
import { nodeRuntime, serve } from '@sluice/adapters-node'
import { createGateway, GatewayError, swapCredential, type Gate, type GateVerdict, type Middleware, type Observer, type SseFrame } from '@sluice/core'

const { UPSTREAM_URL = 'https://api.anthropic.com', UPSTREAM_KEY = '', PORT = '8787', DENIED_TOOLS = '' } = process.env

interface Block {
  readonly type?: string
  readonly name?: string
}

/** The tools that a frame begins to call: one at most. Only frames that start a block are parsed. */
function toolsOfFrame(frame: SseFrame): readonly string[] {
  if (frame.event !== 'content_block_start') return []
  return toolsOf([(frame.json as { readonly content_block?: Block } | undefined)?.content_block])
}

/** The tools that a JSON message calls. */
function toolsOfMessage(message: unknown): readonly string[] {
  const { content } = message as { readonly content?: readonly Block[] }
  return toolsOf(content ?? [])
}

function toolsOf(blocks: readonly (Block | undefined)[]): readonly string[] {
  return blocks.flatMap((block) => (block?.type === 'tool_use' && block.name !== undefined ? [block.name] : []))
}

/** Counts into the map. Runs after the bytes are on their way, and cannot change them. */
function toolCounter(counts: Map<string, number>): Observer {
  const count = (tools: readonly string[]): void => {
    for (const tool of tools) counts.set(tool, (counts.get(tool) ?? 0) + 1)
  }
  return { name: 'tool-counter', onFrame: (frame) => count(toolsOfFrame(frame)), onMessage: (message) => count(toolsOfMessage(message)) }
}

/** Runs before anything is handed on: the client never sees what a gate refuses, nor anything after it. */
function toolGate(denied: ReadonlySet<string>): Gate {
  const judge = (tools: readonly string[]): GateVerdict => {
    const tool = tools.find((name) => denied.has(name))
    return tool === undefined ? 'pass' : new GatewayError('refused', `This gateway does not let the model call the tool ${tool}.`)
  }
  return { name: 'tool-gate', onFrame: (frame) => judge(toolsOfFrame(frame)), onMessage: (message) => judge(toolsOfMessage(message)) }
}

function watchTools(denied: ReadonlySet<string>): Middleware {
  return {
    name: 'watch-tools',
    handle: (exchange, next) => {
      const counts = new Map<string, number>()
      exchange.observe(toolCounter(counts))
      if (denied.size > 0) exchange.gate(toolGate(denied))
      exchange.onSettled(({ exchangeId, outcome }) => console.log(JSON.stringify({ exchangeId, outcome: outcome.kind, tools: Object.fromEntries(counts) })))
      return next({})
    },
  }
}

const gateway = createGateway({
  runtime: nodeRuntime(),
  upstreams: [{ name: 'anthropic', baseUrl: UPSTREAM_URL, credential: swapCredential(UPSTREAM_KEY) }],
}).use(watchTools(new Set(DENIED_TOOLS.split(',').filter((name) => name !== ''))))

const { url } = await serve(gateway, { port: Number(PORT), stopOnSignals: true })
console.log(`listening on ${url}`)
