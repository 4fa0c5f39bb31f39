/**
 * An observer that counts a reply's tool calls, and a gate that ends a stream before a tool is called that this gateway does not allow.
 * Both are declared by a middleware, before the request is sent. They see the frames of event streams; a reply that is one JSON text has none.
 */
import { nodeRuntime, serve } from '@sluice/adapters-node'
import { createGateway, GatewayError, swapCredential, type Gate, type Middleware, type Observer, type SseFrame } from '@sluice/core'

const { UPSTREAM_URL = 'https://api.anthropic.com', UPSTREAM_KEY = '', PORT = '8787', DENIED_TOOLS = '' } = process.env

interface BlockStart {
  readonly content_block?: { readonly type?: string; readonly name?: string }
}

/** The name of the tool that a frame begins to call; undefined for any other frame. Only such frames are parsed. */
function toolOf(frame: SseFrame): string | undefined {
  if (frame.event !== 'content_block_start') return undefined
  const block = (frame.json as BlockStart | undefined)?.content_block
  return block?.type === 'tool_use' ? block.name : undefined
}

/** Counts into the map. Runs after the bytes are on their way, and cannot change them. */
function toolCounter(counts: Map<string, number>): Observer {
  return {
    name: 'tool-counter',
    onFrame: (frame) => {
      const tool = toolOf(frame)
      if (tool !== undefined) counts.set(tool, (counts.get(tool) ?? 0) + 1)
    },
  }
}

/** Runs before the bytes are handed on: the client never sees the frame that a gate refuses, nor any after it. */
function toolGate(denied: ReadonlySet<string>): Gate {
  return {
    name: 'tool-gate',
    onFrame: (frame) => {
      const tool = toolOf(frame)
      return tool === undefined || !denied.has(tool) ? 'pass' : new GatewayError('refused', `This gateway does not let the model call the tool ${tool}.`)
    },
  }
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
