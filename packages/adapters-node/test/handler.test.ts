import { swapCredential, createGateway, type GatewayOptions } from '@sluice/core'
import { memoryLedger } from '@sluice/storage-memory'
import { scriptedTransport } from '@sluice/core/testing'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
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
