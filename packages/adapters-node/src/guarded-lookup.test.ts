import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { undiciTransport } from './undici-transport.ts'

let server: Server
let port: number
let served = 0

beforeAll(async () => {
  server = createServer((_request, response) => {
    served += 1
    response.end('ok')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
})
afterAll(() => new Promise((resolve) => server.close(resolve)))

async function ask(hostname: string, acceptsAddress: (address: string, hostname: string) => boolean): Promise<number> {
  const transport = undiciTransport({ acceptsAddress })
  try {
    const { status, body } = await transport.send({
      method: 'GET',
      origin: `http://${hostname}:${port}`,
      path: '/',
      headers: [],
      body: [],
      signal: new AbortController().signal,
    })
    await body.pump(() => undefined)
    return status
  } finally {
    await transport.close()
  }
}

describe('a guard of addresses', () => {
  it('lets a connection through to what it accepts, by name and by address', async () => {
    const asked: string[] = []
    const accepts = (address: string, hostname: string): boolean => {
      asked.push(`${hostname} ${address}`)
      return true
    }
    expect(await ask('localhost', accepts)).toBe(200)
    expect(await ask('127.0.0.1', accepts)).toBe(200)
    expect(asked).toContain('localhost 127.0.0.1')
    expect(asked).toContain('127.0.0.1 127.0.0.1')
  })

  it.each(['localhost', '127.0.0.1'])('makes no connection to %s where it refuses what that leads to', async (hostname) => {
    const before = served
    await expect(ask(hostname, (address) => !address.startsWith('127.') && address !== '::1')).rejects.toMatchObject({
      name: 'TransportError',
      phase: 'connect',
    })
    expect(served).toBe(before)
  })
})
