import { createServer, request as httpRequest, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { toHeaders, valueOf, type Header } from '../src/headers.ts'

/** What the gateway of these tests does wrong. Without any, it is a simple one that does what the suite asks. */
export interface Fault {
  readonly requestTarget?: (target: string) => string
  readonly requestHeaders?: (headers: readonly Header[]) => readonly Header[]
  readonly requestBody?: (body: Buffer) => Buffer
  readonly status?: (status: number) => number
  readonly replyHeaders?: (headers: readonly Header[]) => readonly Header[]
  /** Turns a whole reply into another: the reply is held back until it is complete. */
  readonly wholeReply?: (body: Buffer, type: string) => Buffer
  /** Turns chunks into others as they come. One is made for each reply. */
  readonly chunks?: () => (chunk: Buffer) => Buffer
  /** What is put after the last chunk of a reply that ended, or was cut. */
  readonly trailer?: string
  /** Answers by itself. */
  readonly answers?: (target: string) => string | undefined
  readonly maxBodyBytes?: number
  readonly ignoresAbort?: boolean
  readonly ignoresBackPressure?: boolean
  readonly endsCleanlyOnDeath?: boolean
  readonly retriesAfterBytes?: boolean
  readonly retriesOn?: (status: number) => boolean
  readonly followsRedirects?: boolean
  readonly checksBudgetFirst?: boolean
  readonly sharesReplies?: boolean
  readonly forwardsClientKey?: boolean
  readonly letsAnyoneIn?: boolean
  readonly htmlErrors?: boolean
  readonly earlyHead?: boolean
}

/** The keys of the test gateway. */
export const KEYS = { client: 'test-client-key-0123456789', capped: 'test-capped-key-0123456789', upstream: 'test-upstream-key-0123456789' } as const

/** The cap of the key that has one, in dollars. */
export const CAP_USD = 0.1
const CALL_USD = 0.018

const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authorization',
  'proxy-authenticate',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
]

/** A gateway under test. */
export interface PlainGateway {
  readonly url: string
  readonly close: () => Promise<void>
}

/** Starts a simple gateway with keys, a credential of its own and a budget, and with what is planted in it. */
export async function plainGateway(upstream: string, fault: Fault = {}): Promise<PlainGateway> {
  let spentUsd = 0
  const kept = new Map<string, Buffer>()
  const server: Server = createServer({ maxHeaderSize: 1 << 20 }, (request, response) => {
    void serve(request, response)
  })
  server.requestTimeout = 0

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined)
    response.setMaxListeners(0)
    const headers = toHeaders(request.rawHeaders)
    const key = valueOf(headers, 'x-api-key') ?? valueOf(headers, 'authorization')?.replace(/^Bearer /, '')
    let body: Buffer
    try {
      body = await bodyOf(request)
    } catch {
      return
    }
    if (fault.letsAnyoneIn !== true && key !== KEYS.client && key !== KEYS.capped) {
      refuse(response, 401, 'authentication_error', 'This key is not good.', [['x-should-retry', 'false']])
      return
    }
    if (body.length > (fault.maxBodyBytes ?? 64_000_000)) {
      refuse(response, 413, 'request_too_large', 'The body is larger than this gateway takes.')
      return
    }
    const own = fault.answers?.(request.url ?? '')
    if (own !== undefined) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(own)
      return
    }
    const isCapped = key === KEYS.capped && (request.url ?? '').startsWith('/v1/messages') && !(request.url ?? '').includes('count_tokens')
    if (isCapped) {
      if (spentUsd + CALL_USD > CAP_USD) {
        refuse(response, 429, 'billing_error', 'The spend limit is reached.', [
          ['retry-after', '3600'],
          ['x-should-retry', 'false'],
          ['anthropic-ratelimit-unified-status', 'rejected'],
        ])
        return
      }
      if (fault.checksBudgetFirst !== true) spentUsd += CALL_USD
    }
    const keptReply = fault.sharesReplies === true ? kept.get(body.toString('utf8').replaceAll(/c0f0a11e-[0-9a-f-]+/g, '')) : undefined
    if (keptReply !== undefined) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(keptReply)
      return
    }
    // A target in absolute form leads to no other host.
    const target = (request.url ?? '/').replace(/^https?:\/\/[^/]*/, '')
    forward(headers, request, response, body, target, () => {
      if (isCapped && fault.checksBudgetFirst === true) spentUsd += CALL_USD
    })
  }

  function forward(
    headers: readonly Header[],
    request: IncomingMessage,
    response: ServerResponse,
    body: Buffer,
    target: string,
    settle: () => void,
    tries = 1,
  ): void {
    const named = (valueOf(headers, 'connection') ?? '')
      .toLowerCase()
      .split(',')
      .map((each) => each.trim())
    const isMine = (name: string): boolean =>
      [...HOP_BY_HOP, ...named, 'host', 'content-length', ...(fault.forwardsClientKey === true ? [] : ['x-api-key', 'authorization'])].includes(
        name.toLowerCase(),
      )
    const changed = fault.requestBody?.(body) ?? body
    const endToEnd = headers.filter(([name]) => !isMine(name))
    const sent: Header[] = [
      ['Host', new URL(upstream).host],
      ...(fault.requestHeaders?.(endToEnd) ?? endToEnd),
      ...(fault.forwardsClientKey === true ? [] : [['x-api-key', KEYS.upstream] as const]),
      ...(changed.length > 0 || request.method === 'POST' ? [['Content-Length', String(changed.length)] as const] : []),
    ]
    const out = httpRequest(upstream + (fault.requestTarget?.(target) ?? target), {
      method: request.method ?? 'GET',
      headers: sent.flat(),
      agent: false,
      maxHeaderSize: 1 << 20,
    })
    let isAnswered = false
    const again = (): void => forward(headers, request, response, body, target, settle, tries + 1)
    response.on('close', () => {
      if (fault.ignoresAbort !== true) out.destroy()
    })
    if (fault.earlyHead === true && !response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    out.on('error', () => {
      if (!isAnswered) refuse(response, 502, 'api_error', 'The upstream did not answer.')
    })
    out.on('response', (reply) => {
      isAnswered = true
      const status = reply.statusCode ?? 502
      if (fault.followsRedirects === true && status >= 300 && status < 400 && reply.headers.location !== undefined && tries < 3) {
        reply.resume()
        forward(headers, request, response, body, reply.headers.location, settle, tries + 1)
        return
      }
      if (fault.retriesOn?.(status) === true && tries < 6) {
        reply.resume()
        again()
        return
      }
      void relay(reply, response, status, again, tries).finally(settle)
      if (fault.sharesReplies === true && status === 200) {
        const chunks: Buffer[] = []
        reply.on('data', (chunk: Buffer) => chunks.push(chunk))
        reply.on('end', () => kept.set(body.toString('utf8').replaceAll(/c0f0a11e-[0-9a-f-]+/g, ''), Buffer.concat(chunks)))
      }
    })
    out.end(changed)
  }

  async function relay(reply: IncomingMessage, response: ServerResponse, status: number, again: () => void, tries: number): Promise<void> {
    const all = toHeaders(reply.rawHeaders)
    const named = (valueOf(all, 'connection') ?? '')
      .toLowerCase()
      .split(',')
      .map((each) => each.trim())
    const isWhole = fault.wholeReply !== undefined
    const dropped = [...HOP_BY_HOP, ...named, ...(isWhole || fault.chunks !== undefined || fault.trailer !== undefined ? ['content-length'] : [])]
    const endToEnd = all.filter(([name]) => !dropped.includes(name.toLowerCase()))
    const type = valueOf(all, 'content-type') ?? ''
    if (!response.headersSent) {
      response.sendDate = false
      response.writeHead(fault.status?.(status) ?? status, (fault.replyHeaders?.(endToEnd) ?? endToEnd).flat())
      if (!isWhole) response.flushHeaders()
    }
    const turn = fault.chunks?.()
    const held: Buffer[] = []
    let written = 0
    try {
      for await (const chunk of reply as AsyncIterable<Buffer>) {
        if (isWhole) {
          held.push(chunk)
          continue
        }
        written += chunk.length
        const isTaken = response.write(turn?.(chunk) ?? chunk)
        if (!isTaken && fault.ignoresBackPressure !== true) await new Promise<void>((resolve) => void response.once('drain', resolve).once('close', resolve))
      }
      if (isWhole) response.write(fault.wholeReply?.(Buffer.concat(held), type) ?? '')
      response.end(fault.trailer)
    } catch {
      if (fault.retriesAfterBytes === true && written > 0 && tries < 3) again()
      else if (fault.endsCleanlyOnDeath === true) response.end(fault.trailer)
      else response.destroy()
    }
  }

  function refuse(response: ServerResponse, status: number, type: string, message: string, extra: readonly Header[] = []): void {
    if (response.headersSent || response.destroyed) {
      response.destroy()
      return
    }
    const isHtml = fault.htmlErrors === true
    const text = isHtml ? `<html><h1>${status}</h1></html>` : JSON.stringify({ type: 'error', error: { type, message } })
    response.writeHead(status, [['content-type', isHtml ? 'text/html' : 'application/json'], ['content-length', String(text.length)], ...extra].flat())
    response.end(text)
  }

  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks)
}
