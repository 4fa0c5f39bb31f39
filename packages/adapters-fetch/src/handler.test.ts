import { createGateway, swapCredential, type LedgerEntry, type MountableGateway, type Transport } from '@sluice/core'
import { describe, expect, test } from 'vitest'
import { fetchHandler } from './handler.ts'
import { fetchRuntime } from './runtime.ts'

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
const ask = (init: RequestInit = {}): Request =>
  new Request('http://gateway.test/v1/messages', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"model":"claude-opus-5-5"}',
    ...init,
  })

interface Upstream {
  readonly gateway: MountableGateway
  readonly settled: LedgerEntry[]
  readonly cancelled: unknown[]
}

/** A gateway over an upstream that sends `chunks`, and whose ledger takes `appendMillis`. */
function gatewayOver(
  chunks: readonly Uint8Array[],
  options: { readonly status?: number; readonly stalls?: boolean; readonly append?: Promise<void> } = {},
): Upstream {
  const settled: LedgerEntry[] = []
  const cancelled: unknown[] = []
  const transport: Transport = {
    send: async () => {
      const stop = Promise.withResolvers<never>()
      stop.promise.catch(() => undefined)
      return {
        status: options.status ?? 200,
        headers: [['content-type', 'application/octet-stream']],
        body: {
          pump: async (write) => {
            for (const chunk of chunks) await write(chunk)
            if (options.stalls === true) await stop.promise
          },
          cancel: (reason) => {
            cancelled.push(reason)
            stop.reject(reason)
          },
        },
      }
    },
  }
  const gateway = createGateway({
    runtime: { ...fetchRuntime(), transport },
    upstreams: [{ name: 'upstream', baseUrl: 'http://upstream.test', credential: swapCredential('a-key-of-the-upstream') }],
  }).record({
    append: async (entry) => {
      await options.append
      settled.push(entry)
    },
    report: () => Promise.resolve([]),
    exchanges: () => Promise.resolve([]),
  })
  return { gateway, settled, cancelled }
}

describe('fetchHandler', () => {
  test('a reply that nobody reads stops taking bytes after the high-water mark and one chunk', async () => {
    let sent = 0
    const chunks = Array.from({ length: 50 }, () => new Uint8Array(1000))
    const { gateway } = gatewayOver(chunks)
    const counting: MountableGateway = {
      underWay: 0,
      drain: () => Promise.resolve(),
      handle: (request, sink) =>
        gateway.handle(request, {
          ...sink,
          write: (chunk) => {
            sent += chunk.length
            return sink.write(chunk)
          },
        }),
    }
    const response = await fetchHandler(counting, { highWaterMarkBytes: 4000 })(ask())
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(sent).toBeLessThanOrEqual(5000)
    expect((await response.arrayBuffer()).byteLength).toBe(50_000)
  })

  test('a cancelled reply cancels the upstream and is settled as client-gone', async () => {
    const { gateway, settled, cancelled } = gatewayOver([encode('one')], { stalls: true })
    const response = await fetchHandler(gateway)(ask())
    const reader = response.body?.getReader()
    await reader?.read()
    await reader?.cancel('enough')
    await expect.poll(() => settled.length).toBe(1)
    expect([settled[0]?.outcome.kind, cancelled]).toEqual(['client-gone', ['enough']])
  })

  test("the request's signal cancels the upstream too", async () => {
    const { gateway, settled } = gatewayOver([encode('one')], { stalls: true })
    const leave = new AbortController()
    await fetchHandler(gateway)(ask({ signal: leave.signal }))
    leave.abort()
    await expect.poll(() => settled[0]?.outcome.kind).toBe('client-gone')
  })

  test('where the context has waitUntil, the reply ends only after the exchange is recorded', async () => {
    const append = Promise.withResolvers<void>()
    const { gateway, settled } = gatewayOver([encode('all')], { append: append.promise })
    const waitedFor: Promise<unknown>[] = []
    const response = await fetchHandler(gateway)(ask(), { waitUntil: (promise) => waitedFor.push(promise) })
    const reader = response.body?.getReader()
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('all')
    const end = reader?.read()
    const first = await Promise.race([end?.then(() => 'ended'), new Promise((resolve) => setTimeout(resolve, 50, 'held'))])
    expect([first, settled.length, waitedFor.length]).toEqual(['held', 0, 1])
    append.resolve()
    expect((await end)?.done).toBe(true)
    expect(settled.length).toBe(1)
  })

  test('the end of a reply is held no longer than asked for', async () => {
    const { gateway } = gatewayOver([encode('all')], { append: new Promise(() => undefined) })
    const response = await fetchHandler(gateway, { holdEndMillis: 30 })(ask())
    expect(await response.text()).toBe('all')
  })

  test('a status that no Response can have is answered 502, and settled', async () => {
    const { gateway, settled } = gatewayOver([], { status: 999 })
    expect((await fetchHandler(gateway)(ask())).status).toBe(502)
    await expect.poll(() => settled.length).toBe(1)
  })

  test('a body that was read before is refused with what its developer must do', async () => {
    const { gateway } = gatewayOver([])
    const request = ask()
    await request.text()
    const response = await fetchHandler(gateway)(request)
    expect([response.status, await response.text()]).toEqual([500, expect.stringContaining('hand over the request unread')])
  })

  test('an option out of range is refused by name', () => {
    const { gateway } = gatewayOver([])
    expect(() => fetchHandler(gateway, { highWaterMarkBytes: 0 })).toThrow(/highWaterMarkBytes/)
  })
})
