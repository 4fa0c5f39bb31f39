import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { reportUsage } from './child.ts'

/** What the upstream does with every call until told otherwise. Not by header: some gateways do not hand on what they do not know. */
export interface UpstreamMode {
  readonly frames: number
  /** Milliseconds between frames; 0 for as fast as they are taken. */
  readonly gapMillis: number
  /** Whether frames say when they were sent. */
  readonly isClock: boolean
  /** Whether the stream stays open after its first frame. */
  readonly isHeld: boolean
}

let mode: UpstreamMode = { frames: 300, gapMillis: 0, isClock: false, isHeld: false }

/** A Messages API upstream that costs next to nothing: the reply's frames are made once, one write each. */
const frameCounts = new Map<number, readonly Buffer[]>()

const frame = (event: string, data: object): Buffer => Buffer.from(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)

function frames(count: number): readonly Buffer[] {
  let made = frameCounts.get(count)
  if (made === undefined) {
    const usage = { input_tokens: 12, cache_creation_input_tokens: 400, cache_read_input_tokens: 27_000, output_tokens: 1, service_tier: 'standard' }
    const deltas = Array.from({ length: Math.max(0, count - 6) }, (_, index) =>
      frame('content_block_delta', { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: `word ${index} of a reply ` } }),
    )
    made = [
      frame('message_start', {
        type: 'message_start',
        message: { id: 'msg_bench', type: 'message', role: 'assistant', model: 'claude-opus-5-5', content: [], usage },
      }),
      frame('content_block_start', { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
      frame('ping', { type: 'ping' }),
      ...deltas,
      frame('content_block_stop', { type: 'content_block_stop', index: 0 }),
      frame('message_delta', { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { ...usage, output_tokens: count * 5 } }),
      frame('message_stop', { type: 'message_stop' }),
    ]
    frameCounts.set(count, made)
  }
  return made
}

function answer(response: ServerResponse): void {
  const all = frames(mode.frames)
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'request-id': 'req_bench', 'cache-control': 'no-cache' })
  if (mode.isHeld) return void response.write(all[0] ?? '')
  if (mode.isClock) return tick(response, all, mode.gapMillis)
  let at = 0
  const send = (): void => {
    // A turn of the event loop every few frames, as a network would have it.
    for (let burst = 0; burst < 4 && at < all.length; burst += 1) response.write(all[at++])
    if (at === all.length) response.end()
    else if (mode.gapMillis > 0) setTimeout(send, mode.gapMillis)
    else setImmediate(send)
  }
  send()
}

/** Deltas that say when they were sent, in microseconds of the machine's clock, which is the same for every process. */
function tick(response: ServerResponse, all: readonly Buffer[], gapMillis: number): void {
  for (const first of all.slice(0, 2)) response.write(first)
  let left = all.length - 5
  const timer = setInterval(() => {
    const text = `at=${process.hrtime.bigint() / 1000n};`
    response.write(frame('content_block_delta', { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }))
    left -= 1
    if (left > 0) return
    clearInterval(timer)
    for (const last of all.slice(-3)) response.write(last)
    response.end()
  }, gapMillis)
  response.once('close', () => clearInterval(timer))
}

const server = createServer((request, response) => {
  if (request.url === '/__mode') {
    let text = ''
    request.setEncoding('utf8').on('data', (part: string) => (text += part))
    request.on('end', () => {
      mode = JSON.parse(text) as UpstreamMode
      response.end()
    })
    return
  }
  request.on('end', () => answer(response))
  request.resume()
})
server.keepAliveTimeout = 120_000
server.listen(0, '127.0.0.1', () => reportUsage((server.address() as AddressInfo).port))
