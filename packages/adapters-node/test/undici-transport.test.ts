import type { TransportError, UpstreamReply } from '@sluice/core'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { undiciTransport, type UndiciTransport } from '../src/undici-transport.ts'

/** An upstream that says what a test wants, byte for byte. */
describe('the undici transport', () => {
  let server: Server
  let transport: UndiciTransport
  const sockets = new Set<Socket>()
  afterEach(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await transport.close()
  })

  /** `onRequest` is called with each request whole: head and body. */
  async function upstream(
    onRequest: (socket: Socket, request: string, index: number) => void,
  ): Promise<(body?: readonly string[], signal?: AbortSignal, method?: string) => Promise<UpstreamReply>> {
    let requests = 0
    server = createServer((socket) => {
      sockets.add(socket)
      let text = ''
      socket.on('error', () => undefined)
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1')
        const head = text.indexOf('\r\n\r\n')
        const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0)
        if (head === -1 || text.length < head + 4 + length) return
        const request = text
        text = ''
        onRequest(socket, request, requests)
        requests += 1
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    transport = undiciTransport()
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    return (body = ['{}'], signal = new AbortController().signal, method = 'POST') =>
      transport.send({ method, origin, path: '/v1/messages', headers: [], body: body.map((part) => Buffer.from(part)), signal })
  }

  async function read(reply: UpstreamReply): Promise<string> {
    let text = ''
    await reply.body.pump((chunk) => void (text += Buffer.from(chunk).toString()))
    return text
  }

  const phaseOf = (failure: unknown): string => (failure as TransportError).phase

  it('hands on what came before a reset, also what waited for a slow reader', async () => {
    const send = await upstream((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n')
      setTimeout(() => socket.write('3\r\nthr\r\n'), 30)
      setTimeout(() => socket.end(), 60)
    })
    const reply = await send()
    const seen: string[] = []
    await expect(
      reply.body.pump((chunk) => {
        seen.push(Buffer.from(chunk).toString())
        return sleep(150)
      }),
    ).rejects.toThrow()
    expect(seen.join('')).toBe('onetwothr')
  })

  it('hands on small chunks of one read together, and large ones as they are', async () => {
    const large = 'x'.repeat(5000)
    const send = await upstream((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n`)
      setTimeout(() => socket.end(`3\r\ntwo\r\n3\r\nthr\r\n1388\r\n${large}\r\n4\r\nfour\r\n0\r\n\r\n`), 30)
    })
    const reply = await send()
    const seen: string[] = []
    await reply.body.pump((chunk) => void seen.push(Buffer.from(chunk).toString()))
    expect(seen).toEqual(['one', 'twothr', large, 'four'])
  })

  it.each([
    ['HEAD', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n', 200],
    ['POST', 'HTTP/1.1 204 No Content\r\n\r\n', 204],
    ['GET', 'HTTP/1.1 304 Not Modified\r\ncontent-length: 10\r\n\r\n', 304],
    ['POST', 'HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n', 200],
  ])('%s: a reply without a body ends at once', async (method, answer, status) => {
    const send = await upstream((socket) => void socket.write(answer))
    const reply = await send(method === 'POST' ? ['{}'] : [], undefined, method)
    expect([reply.status, await read(reply)]).toEqual([status, ''])
  })

  it('cancelled before the head, it rejects with the reason; cancelled twice after it, the pump rejects with the first', async () => {
    const send = await upstream((socket, _request, index) => void (index > 0 && socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc')))
    const client = new AbortController()
    const before = send(['{}'], client.signal)
    await sleep(50)
    client.abort('left')
    await expect(before).rejects.toBe('left')
    const reply = await send()
    const pumped = read(reply)
    reply.body.cancel(new Error('first'))
    reply.body.cancel(new Error('second'))
    await expect(pumped).rejects.toThrow('first')
  })

  it('a writer that throws ends the pump with its error, and drops what waited', async () => {
    const send = await upstream((socket) => void socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n'))
    const reply = await send()
    await sleep(50)
    const seen: string[] = []
    await expect(
      reply.body.pump((chunk) => {
        seen.push(Buffer.from(chunk).toString())
        throw new Error('stop')
      }),
    ).rejects.toThrow('stop')
    expect(seen).toHaveLength(1)
  })

  it('a kept-alive connection that dies unanswered is stale, and a repeat sends the same bytes from the same chunks', async () => {
    const seen: string[] = []
    const send = await upstream((socket, request, index) => {
      seen.push(request.slice(request.indexOf('\r\n\r\n')))
      if (index === 1) socket.destroy()
      else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
    })
    const body = ['{"a":', '"日本",', '"b":1}']
    await read(await send(body))
    // undici takes a connection again a turn after its reply.
    await sleep(10)
    expect(phaseOf(await send(body).catch((failure: unknown) => failure))).toBe('stale-connection')
    await read(await send(body))
    expect(new Set(seen).size).toBe(1)
    expect(seen).toHaveLength(3)
  })

  it('says that a request is written once the upstream has taken all of it, in one chunk or many', async () => {
    const send = await upstream((socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'))
    for (const body of [['{}'], ['{"a":', '1}'], Array.from({ length: 40 }, () => 'x'.repeat(65_536))]) {
      const reply = await send(body)
      expect(reply.isRequestWritten).toBe(true)
      await read(reply)
    }
  })

  it.each([1, 40])('does not say so where the upstream answers before it has read a body of %i chunks', async (count) => {
    server = createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.once('data', () => {
        socket.pause()
        socket.write('HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno')
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    transport = undiciTransport()
    const body = Array.from({ length: count }, () => new Uint8Array(32_000_000 / count))
    const reply = await transport.send({
      method: 'POST',
      origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      path: '/v1/messages',
      headers: [],
      body,
      signal: new AbortController().signal,
    })
    expect([reply.status, reply.isRequestWritten]).toEqual([413, false])
    reply.body.cancel(new Error('over'))
  })

  it('a kept-alive connection that had begun to answer is not stale: its request was taken', async () => {
    const send = await upstream((socket, _request, index) => {
      socket.write(index === 0 ? 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok' : 'HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n')
      if (index > 0) setTimeout(() => socket.destroy(), 50)
    })
    await read(await send())
    await sleep(10)
    expect(phaseOf(await send().catch((failure: unknown) => failure))).toBe('sent')
  })
})
