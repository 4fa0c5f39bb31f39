import { describe, expect, it } from 'vitest'
import { fleet } from '../../test/fleet-bench.ts'
import { replyFrames } from '../../test/gateway-bench.ts'
import { ConfigurationError } from '../errors.ts'
import type { ScriptedReply } from '../testing/scripted-transport.ts'
import { headerValue } from '../wire/header-list.ts'
import { upstreamHealth } from './upstream-health.ts'

const elsewhere = 'https://elsewhere.test/v1/messages?key=sk-secret'
const moved = (status: number, location: string | undefined = elsewhere): (() => ScriptedReply) => {
  const headers = [['content-type', 'text/plain'], ...(location === '' ? [] : [['location', location]])] as unknown as ScriptedReply['headers']
  return () => ({ status, headers, body: [`moved to ${elsewhere}`] }) as ScriptedReply
}

describe('I2: a redirect of an upstream', () => {
  it.each([300, 301, 302, 303, 305, 307, 308])('%i is not handed on: the client learns of no other place', async (status) => {
    const { send, transport, faults } = fleet({ a: moved(status) })
    const { sink, settlement } = await send()
    expect([sink.status, headerValue(sink.headers ?? [], 'location'), headerValue(sink.headers ?? [], 'x-should-retry')]).toEqual([502, undefined, 'false'])
    expect(sink.text()).toContain('"type":"api_error"')
    expect(JSON.stringify([sink.text(), sink.headers, settlement], (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))).not.toMatch(
      /elsewhere|secret/,
    )
    expect(settlement).toMatchObject({
      status: 502,
      outcome: { kind: 'failed', error: { origin: 'gateway', code: 'upstream-redirected' } },
      usage: { source: 'none' },
      attempts: [{ upstream: 'a', status, failure: 'redirected' }],
    })
    expect([transport.calls.length, transport.calls[0]?.cancelled !== undefined, faults]).toEqual([1, true, []])
  })

  it('moves on to another target, and counts against no upstream: any client can ask for a path that is redirected', async () => {
    const bench = fleet({ a: moved(307), b: 'ok' })
    const health = upstreamHealth({ clock: bench.clock })
    const { send, asked } = fleet({ a: moved(307), b: 'ok' }, { attempts: { health }, clock: bench.clock })
    for (let count = 1; count <= 6; count += 1) expect((await send()).sink.text()).toBe(replyFrames.join(''))
    expect(asked()).toEqual(['a', 'b', 'a', 'b', 'a', 'b', 'a', 'b', 'a', 'b', 'a', 'b'])
    expect(health.snapshot()).toEqual([])
  })

  it('hides no answer of another upstream', async () => {
    const { settlement } = await fleet({ a: 529, b: moved(307) }).send()
    expect([settlement.status, settlement.attempts.map(({ status, failure }) => failure ?? status)]).toEqual([529, [529, 'redirected']])
  })

  it('304, and what points nowhere, pass unchanged', async () => {
    for (const reply of [moved(304), moved(302, '')]) {
      const { sink, settlement } = await fleet({ a: reply }).send()
      expect([sink.status, settlement.outcome.kind, settlement.attempts[0]?.failure]).toEqual([reply().status, 'completed', undefined])
    }
  })

  it('passes where the operator said so of this upstream, and of no other', async () => {
    const upstream = { a: { redirects: 'relay' } } as const
    const { sink } = await fleet({ a: moved(307) }, { upstream }).send()
    expect([sink.status, headerValue(sink.headers ?? [], 'location')]).toEqual([307, elsewhere])
    expect((await fleet({ a: 'connect', b: moved(307) }, { upstream }).send()).sink.status).toBe(502)
  })

  it('that option is checked when the gateway is built', () => {
    expect(() => fleet({ a: 'ok' }, { upstream: { a: { redirects: 'follow' as 'relay' } } })).toThrow(ConfigurationError)
  })
})
