import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { counter } from './counter.ts'

/** What the upstream bills for one request: what it has said, whoever still listened. */
export interface Bill {
  readonly session: string
  readonly inputTokens: number
  /** As reported so far; the last figure of a finished reply is what it costs. */
  outputTokens: number
  isFinished: boolean
}

/** A Messages API that streams slowly, and keeps the books of what it would bill: the truth that a ledger is compared with. */
export interface BillingUpstream {
  readonly url: string
  /** In the order that the requests came in. */
  readonly bills: readonly Bill[]
  /** Resolves when so many more requests have come in; at once for 0. */
  readonly asked: (count: number) => Promise<void>
  readonly close: () => Promise<void>
}

/** How replies are paced. */
export interface BillingOptions {
  /** Pause before each frame, chosen anew each time. */
  readonly pauseMillis: () => number
  /** How many text frames a reply has. */
  readonly frames: () => number
}

const frame = (type: string, fields: object): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`
const pause = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))

/** Opus 5.5 at list price: $4 and $20 per million tokens, in nano-USD a token. */
export function billNanoUsd({ inputTokens, outputTokens }: Pick<Bill, 'inputTokens' | 'outputTokens'>): bigint {
  return BigInt(inputTokens) * 4_000n + BigInt(outputTokens) * 20_000n
}

export async function billingUpstream({ pauseMillis, frames }: BillingOptions): Promise<BillingUpstream> {
  const bills: Bill[] = []
  const requests = counter()
  const reply = async (response: ServerResponse, bill: Bill): Promise<void> => {
    const count = frames()
    const usage = { input_tokens: bill.inputTokens, output_tokens: 1 }
    const message = { id: `msg_${bills.length}`, type: 'message', role: 'assistant', model: 'claude-opus-5-5', content: [], stop_reason: null, usage }
    const parts = [
      frame('message_start', { message }),
      frame('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
      ...Array.from({ length: count }, () =>
        frame('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'forty letters of text, all in all, so far' } }),
      ),
      frame('content_block_stop', { index: 0 }),
      frame('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: count * 10 } }),
      frame('message_stop', {}),
    ]
    await pause(pauseMillis())
    if (response.destroyed) return
    response.writeHead(200, { 'content-type': 'text/event-stream', 'request-id': `req_${bills.length}` })
    for (const [index, part] of parts.entries()) {
      await pause(pauseMillis())
      if (response.destroyed) return
      response.write(part)
      if (index === parts.length - 2) bill.outputTokens = count * 10
    }
    bill.isFinished = true
    response.end()
  }
  const server = createServer((request, response) => {
    const session = String(request.headers['x-claude-code-session-id'] ?? '')
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    request.on('error', () => undefined)
    request.once('end', () => {
      const bill: Bill = { session, inputTokens: 100 + bytes, outputTokens: 1, isFinished: false }
      bills.push(bill)
      requests.add()
      void reply(response, bill)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bills,
    asked: requests.grown,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
