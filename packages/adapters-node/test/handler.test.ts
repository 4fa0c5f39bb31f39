import { swapCredential, createGateway, type GatewayOptions, type Middleware, type Transport, TransportError } from '@sluice/core'
import { memoryLedger } from '@sluice/storage-memory'
import { scriptedTransport } from '@sluice/core/testing'
import { once } from 'node:events'
import type { IncomingMessage, Server } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { serve, type Served } from '../src/index.ts'

describe('the node handler', () => {
  let served: Served
  afterEach(() => served.stop())
  const upstreams: GatewayOptions['upstreams'] = [{ name: 'scripted', baseUrl: 'https://upstream.test', credential: swapCredential('k') }]
  const reply = { headers: [['content-type', 'application/json']] as const, body: ['{}'] }

  async function client(): Promise<{ readonly socket: Socket; readonly text: () => string }> {
    const socket = connect(Number(new URL(served.url).port), '127.0.0.1')
    let text = ''
    socket.on('data', (chunk) => void (text += chunk.toString()))
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    return { socket, text: () => text }
  }
  const head = (length: number, path = '/v1/messages'): string =>
    `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`

  it('a client that leaves within its body while a middleware waits leaves nothing under way', async () => {
    const gateway = createGateway({ runtime: { transport: scriptedTransport([]) }, upstreams }).use({
      name: 'slow',
      handle: async (_exchange, next) => {
        await sleep(100)
        return next({})
      },
    })
    served = await serve(gateway, { port: 0, graceMillis: 500 })
    const { socket } = await client()
    socket.write(`${head(100)}{"model"`)
    await sleep(50)
    expect(gateway.underWay).toBe(1)
    socket.destroy()
    await sleep(200)
    expect(gateway.underWay).toBe(0)
  })

  it('a stop does not wait for a client that stalls within its body', async () => {
    const gateway = createGateway({ runtime: { transport: scriptedTransport([]) }, upstreams })
    served = await serve(gateway, { port: 0, graceMillis: 100 })
    const { socket, text } = await client()
    socket.write(`${head(100)}{"model"`)
    await sleep(50)
    await served.stop()
    expect(text()).toContain('503')
    expect(text()).toContain('overloaded_error')
  })

  it('a large body that is refused unread is read past, and its connection takes the next request', async () => {
    const gateway = createGateway({ runtime: { transport: scriptedTransport(() => reply) }, upstreams, maxBodyBytes: 1_000 })
    served = await serve(gateway, { port: 0 })
    const { socket, text } = await client()
    socket.write(head(3_000_000))
    socket.write('x'.repeat(3_000_000))
    while (!text().includes('request_too_large')) await sleep(5)
    socket.write(`${head(2)}{}`)
    while (!text().includes('200 OK')) await sleep(5)
    socket.destroy()
  })

  it('who is refused and goes on sending, or neither sends nor leaves, sees why and is cut off after five seconds', async () => {
    const gateway = createGateway({ runtime: { transport: scriptedTransport(() => reply) }, upstreams, maxBodyBytes: 1_000 })
    served = await serve(gateway, { port: 0 })
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const clients = [await client(), await client()]
    const closed = clients.map(({ socket }) => once(socket, 'close'))
    for (const { socket } of clients) socket.write(head(3_000_000))
    const dripping = setInterval(() => clients[0]?.socket.write('x'), 5)
    onTestFinished(() => clearInterval(dripping))
    for (const { text } of clients) while (!text().includes('request_too_large')) await sleep(5)
    vi.advanceTimersByTime(4_999)
    await sleep(50)
    expect(clients.map(({ socket }) => socket.closed)).toEqual([false, false])
    vi.advanceTimersByTime(1)
    await Promise.all(closed)
    expect(gateway.underWay).toBe(0)
  })

  describe('memory of request bodies', () => {
    const body = `{"model":"m","x":"${'y'.repeat(300_000)}"}`
    /** Sends the body through a gateway; returns the chunks that it sent on, and what they held then. */
    async function sent(
      isRequestWritten: boolean,
      middleware: Middleware,
      onServer?: (server: Server) => void,
      failures: TransportError[] = [],
    ): Promise<readonly Uint8Array[]> {
      let chunks: readonly Uint8Array[] = []
      let text = ''
      const inner = scriptedTransport(() => reply)
      const transport: Transport = {
        send: async (request) => {
          chunks = request.body
          text = Buffer.concat(chunks).toString()
          const failure = failures.pop()
          if (failure !== undefined) throw failure
          return { ...(await inner.send(request)), isRequestWritten }
        },
      }
      const gateway = createGateway({ runtime: { transport }, upstreams }).use(middleware)
      served = await serve(gateway, { port: 0 })
      onServer?.(served.server)
      const peer = await client()
      peer.socket.write(head(body.length) + body)
      while (!peer.text().includes('200 OK')) await sleep(5)
      peer.socket.destroy()
      expect(text).toBe(body)
      return chunks
    }
    const held = (chunks: readonly Uint8Array[]): number => chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    const readsModel: Middleware = {
      name: 'model',
      handle: async (exchange, next) => {
        expect((await exchange.body()).string('model')).toBe('m')
        return next({})
      },
    }

    it('is freed once the upstream has taken the request', async () => {
      expect(held(await sent(true, readsModel))).toBe(0)
    })

    it('stays where the transport does not say that all is written', async () => {
      expect(held(await sent(false, readsModel))).toBe(body.length)
    })

    it('stays where a middleware keeps a view', async () => {
      let view: Uint8Array | undefined
      const keeps: Middleware = {
        name: 'keeps',
        handle: async (exchange, next) => {
          view = (await exchange.body()).range(0, 10)
          return next({})
        },
      }
      expect(held(await sent(true, keeps))).toBe(body.length)
      expect(Buffer.from(view ?? []).toString()).toBe(body.slice(0, 10))
    })

    it('stays where an attempt failed before: its connection may not have let go yet', async () => {
      expect(held(await sent(true, readsModel, undefined, [new TransportError('stale-connection', 'reset')]))).toBe(body.length)
    })

    it.each(['on', 'once'] as const)('stays where another part of the server listens too (%s)', async (how) => {
      const listens = (server: Server): void => void server.prependListener('request', (request: IncomingMessage) => request[how]('data', () => undefined))
      expect(held(await sent(true, readsModel, listens))).toBe(body.length)
    })
  })

  it('a body of very many tiny chunks costs no more than its bytes, and goes on unchanged', async () => {
    const transport = scriptedTransport(() => reply)
    const gateway = createGateway({ runtime: { transport }, upstreams }).record(memoryLedger())
    served = await serve(gateway, { port: 0 })
    const { socket, text } = await client()
    const body = `{"model":"m","x":"${'y'.repeat(200_000)}"}`
    socket.write('POST /v1/messages HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n')
    socket.write(
      `${body
        .split('')
        .map((letter) => `1\r\n${letter}\r\n`)
        .join('')}0\r\n\r\n`,
    )
    while (!text().includes('\r\n\r\n')) await sleep(5)
    expect(text()).toContain('200 OK')
    const sent = transport.calls[0]?.request.body ?? []
    expect(Buffer.concat(sent).toString()).toBe(body)
    expect(sent.length).toBeLessThan(100)
    socket.destroy()
  })
})
