import { TransportError, type UpstreamRequest } from '@sluice/core'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import zlib from 'node:zlib'
import { expect, test } from 'vitest'
import { fetchTransport } from './fetch-transport.ts'
import { failurePhase } from './failure-phase.ts'

const request: UpstreamRequest = {
  method: 'POST',
  origin: 'http://upstream.test',
  path: '/v1/messages',
  headers: [],
  body: [Uint8Array.of(1), Uint8Array.of(2, 3)],
  signal: new AbortController().signal,
}

test('the body goes whole, redirects are left alone, and codings are never asked for unasked', async () => {
  let seen: RequestInit = {}
  const transport = fetchTransport({
    fetch: (_url, init) => {
      seen = init
      return Promise.resolve(new Response('ok'))
    },
    init: { client: 'mine' },
  })
  await transport.send(request)
  expect(seen).toMatchObject({ body: Uint8Array.of(1, 2, 3), redirect: 'manual', decompress: false, timeout: false, client: 'mine' })
  expect(new Headers(seen.headers).get('accept-encoding')).toBe('identity')
})

test('a body that ends before its declared length is broken, not complete', async () => {
  const transport = fetchTransport({ fetch: () => Promise.resolve(new Response('short', { headers: { 'content-length': '100' } })) })
  const { body } = await transport.send(request)
  await expect(body.pump(() => undefined)).rejects.toThrow('5 of 100 bytes')
})

test('cancelling aborts the call, and pumping then rejects with the reason', async () => {
  let signal: AbortSignal | null | undefined
  const transport = fetchTransport({
    fetch: (_url, init) => {
      signal = init.signal
      return Promise.resolve(new Response(new ReadableStream()))
    },
  })
  const { body } = await transport.send(request)
  const pumped = body.pump(() => undefined)
  body.cancel('the client left')
  await expect(pumped).rejects.toBe('the client left')
  expect([signal?.aborted, signal?.reason]).toEqual([true, 'the client left'])
})

test('an abort before the head rejects with the reason of the exchange, whatever it is', async () => {
  const leave = new AbortController()
  const transport = fetchTransport({
    fetch: (_url, init) => new Promise((_resolve, reject) => init.signal?.addEventListener('abort', () => reject(new TypeError('aborted')))),
  })
  const sent = transport.send({ ...request, signal: leave.signal })
  leave.abort('deadline')
  await expect(sent).rejects.toBe('deadline')
})

test('what is known to have failed before anything was sent says so, in every runtime’s words', async () => {
  const causes = [
    new TypeError('fetch failed', { cause: Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }) }),
    Object.assign(new Error('Unable to connect'), { code: 'ConnectionRefused' }),
    new TypeError('error sending request for url: client error (Connect): tcp connect error'),
  ]
  expect(causes.map(failurePhase)).toEqual(['connect', 'connect', 'connect'])
  expect(failurePhase(new TypeError('socket closed'))).toBe('sent')
  const transport = fetchTransport({ fetch: () => Promise.reject(causes[0]) })
  const failure: unknown = await transport.send(request).catch((cause: unknown) => cause)
  expect(failure instanceof TransportError && failure.phase).toBe('connect')
})

test("a coding that this runtime's fetch takes off is marked as decoded, and one that it leaves is not", async () => {
  const plain = Buffer.from('{"usage":{}}'.repeat(50))
  const encoders: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
    gzip: zlib.gzipSync,
    deflate: zlib.deflateSync,
    br: zlib.brotliCompressSync,
    zstd: zlib.zstdCompressSync,
    unknown: (bytes) => bytes.toReversed() as Buffer,
  }
  const server = createServer((incoming, response) => {
    const coding = incoming.url?.slice(1) ?? ''
    response.writeHead(200, { 'content-encoding': coding }).end(encoders[coding]?.(plain))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    for (const [coding, encode] of Object.entries(encoders)) {
      const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      const reply = await fetchTransport().send({ ...request, origin, path: `/${coding}` })
      const got: Uint8Array[] = []
      await reply.body.pump((chunk) => void got.push(chunk))
      expect(Buffer.concat(got).equals(reply.isDecoded === true ? plain : encode(plain)), coding).toBe(true)
    }
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
