import { createGateway, swapCredential } from '@sluice/core'
import { scriptedTransport } from '@sluice/core/testing'
import { once } from 'node:events'
import { createServer, ServerResponse, type IncomingMessage, type Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { nodeHandler } from '../src/index.ts'

const frames = ['event: ping\ndata: {"type":"ping"}\n\n', 'event: message_stop\ndata: {"type":"message_stop"}\n\n'] as const

describe('how a reply is framed on the connection', () => {
  let server: Server
  afterEach(() => server.close())

  /** What a client reads off the connection, which it asked to be closed at the end. */
  async function read(requestHead: string, wrap: (response: ServerResponse) => void = () => undefined, status = 200): Promise<string> {
    const transport = scriptedTransport(() => ({ status, headers: [['content-type', 'text/event-stream']], body: status === 204 ? [] : frames }))
    const gateway = createGateway({
      runtime: { transport },
      upstreams: [{ name: 'scripted', baseUrl: 'https://upstream.test', credential: swapCredential('k') }],
    })
    const handle = nodeHandler(gateway)
    server = createServer((request: IncomingMessage, response: ServerResponse) => {
      wrap(response)
      handle(request, response)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    let text = ''
    socket.setEncoding('latin1').on('data', (part: string) => void (text += part))
    socket.write(`${requestHead}\r\nhost: a\r\nconnection: close\r\n\r\n`)
    await once(socket, 'close')
    return text
  }

  it('in chunks, ended once, where its length is not known', async () => {
    const [head, body] = (await read('GET /v1/models HTTP/1.1')).split('\r\n\r\n') as [string, string]
    expect(head.toLowerCase()).toContain('transfer-encoding: chunked')
    const all = frames.join('')
    expect(`${body}\r\n\r\n`).toBe(`${all.length.toString(16)}\r\n${all}\r\n0\r\n\r\n`)
  })

  it('as it is for a client that knows no chunks', async () => {
    const [head, ...body] = (await read('GET /v1/models HTTP/1.0')).split('\r\n\r\n') as [string, ...string[]]
    expect(head.toLowerCase()).not.toContain('transfer-encoding')
    expect(body.join('\r\n\r\n')).toBe(frames.join(''))
  })

  it('not at all where there is no body', async () => {
    expect((await read('HEAD /v1/models HTTP/1.1')).split('\r\n\r\n')).toEqual([expect.stringMatching(/^HTTP\/1.1 200/), ''])
    expect((await read('GET /v1/models HTTP/1.1', undefined, 204)).split('\r\n\r\n')).toEqual([expect.stringMatching(/^HTTP\/1.1 204/), ''])
  })

  it('by Node where middleware takes the body in between', async () => {
    const seen: string[] = []
    const text = await read('GET /v1/models HTTP/1.1', (response) => {
      response.write = function write(this: ServerResponse, chunk: Uint8Array) {
        seen.push(Buffer.from(chunk).toString())
        return ServerResponse.prototype.write.call(this, chunk, 'utf8')
      } as ServerResponse['write']
    })
    expect(seen.join('')).toBe(frames.join(''))
    expect(text.endsWith('\r\n0\r\n\r\n')).toBe(true)
    expect(text.split('\r\n0\r\n')).toHaveLength(2)
  })

  it('by Node where middleware puts something after the body', async () => {
    const text = await read('GET /v1/models HTTP/1.1', (response) => {
      response.end = function end(this: ServerResponse) {
        this.write(': the end\n\n')
        return ServerResponse.prototype.end.call(this, undefined, 'utf8')
      } as ServerResponse['end']
    })
    const after = ': the end\n\n'
    expect(text.endsWith(`\r\n${after.length.toString(16)}\r\n${after}\r\n0\r\n\r\n`)).toBe(true)
  })
})
