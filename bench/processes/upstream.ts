import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { reportUsage } from './child.ts'

/** A Messages API upstream that costs next to nothing: the reply's frames are made once, one write each. */
const frameCounts = new Map<number, readonly Buffer[]>()

function frames(count: number): readonly Buffer[] {
  let made = frameCounts.get(count)
  if (made === undefined) {
    const frame = (event: string, data: object): Buffer => Buffer.from(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
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

const server = createServer((request, response) => {
  request.on('end', () => {
    const count = Number(request.headers['x-bench-frames'] ?? 300)
    const gapMillis = Number(request.headers['x-bench-gap'] ?? 0)
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'request-id': 'req_bench', 'cache-control': 'no-cache' })
    if (request.headers['x-bench-hold'] !== undefined) {
      response.write(frames(count)[0] ?? '')
      return
    }
    let at = 0
    const all = frames(count)
    const send = (): void => {
      // A turn of the event loop every few frames, as a network would have it.
      for (let burst = 0; burst < 4 && at < all.length; burst += 1) response.write(all[at++])
      if (at === all.length) response.end()
      else if (gapMillis > 0) setTimeout(send, gapMillis)
      else setImmediate(send)
    }
    send()
  })
  request.resume()
})
server.keepAliveTimeout = 120_000
server.listen(0, '127.0.0.1', () => reportUsage((server.address() as AddressInfo).port))
