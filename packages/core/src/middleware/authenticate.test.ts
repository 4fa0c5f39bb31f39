import { describe, expect, test } from 'vitest'
import { bench, eventStream, messagesBody, replyFrames, type Bench } from '../../test/gateway-bench.ts'
import { keyBench, pepper } from '../../test/key-bench.ts'
import { createGateway } from '../gateway.ts'
import type { KeyRestrictions } from '../ports/key-ring.ts'
import { passthroughCredential, splitCredential, swapCredential } from '../route/upstream-credential.ts'
import type { ClientRequestParts } from '../testing/client-request.ts'
import { scriptedTransport, type ScriptedReply } from '../testing/scripted-transport.ts'
import { authenticate } from './authenticate.ts'

const complete: ScriptedReply = { headers: eventStream, body: replyFrames }

/** A gateway with virtual keys, and one of them. */
async function gatewayWith(restrictions: KeyRestrictions = {}, script: readonly ScriptedReply[] | (() => ScriptedReply) = () => complete) {
  const gateway = bench(script)
  const keys = keyBench({}, undefined, gateway.clock)
  const issued = await keys.issue({ restrictions })
  gateway.gateway.use(authenticate(keys.keys))
  const ask = (parts: ClientRequestParts = {}, credential = issued.key) =>
    gateway.send({
      ...('body' in parts ? {} : { json: messagesBody }),
      ...parts,
      headers: [['authorization', `Bearer ${credential}`], ...(parts.headers ?? [])],
    })
  return { ...gateway, ...keys, ...issued, ask, gatewayFaults: gateway.faults }
}

const errorOf = ({ sink }: Awaited<ReturnType<Bench['send']>>) => [sink.status, (JSON.parse(sink.text()) as { error: object }).error]

describe('virtual keys at the door', () => {
  test('both presentations are let in, in either header, and one beside the other', async () => {
    const { ask, key, jwt, send } = await gatewayWith()
    expect((await ask()).sink.status).toBe(200)
    expect((await ask({}, jwt)).sink.status).toBe(200)
    expect((await ask({ headers: [['x-api-key', key]] }, jwt)).sink.status).toBe(200)
    expect((await send({ json: messagesBody, headers: [['x-api-key', jwt]] })).sink.status).toBe(200)
  })

  test('keys of two owners in one request are refused', async () => {
    const { ask, issue } = await gatewayWith()
    const other = await issue({ scope: 'acme/web/bob' })
    expect((await ask({ headers: [['x-api-key', other.jwt]] })).settlement.outcome.error?.code).toBe('ambiguous-credential')
  })

  test('an expired key is 401 with what to do, and the store being out is 503 that may be tried again', async () => {
    const { ask, clock, issue, store, record } = await gatewayWith()
    const { key } = await issue({ expiresAt: clock.now() + 1 })
    clock.advance(1)
    expect(errorOf(await ask({}, key))).toEqual([401, { type: 'authentication_error', message: expect.stringContaining('expired on') as string }])
    store.mode = 'fails'
    const { sink } = await ask()
    expect([sink.status, sink.headers?.find(([name]) => name === 'x-should-retry')?.[1]]).toEqual([503, 'true'])
    expect(store.records.get(record.id)?.revocation).toBeUndefined()
  })
})

describe('a key bound to networks', () => {
  test('is taken from there, IPv4 as it is and mapped, and refused with 403 from elsewhere', async () => {
    const { ask, upstream } = await gatewayWith({ networks: ['10.0.0.0/8', '2001:db8::/32'] })
    for (const remoteAddress of ['10.1.2.3', '::ffff:10.1.2.3', '2001:db8::7']) expect((await ask({ remoteAddress })).sink.status).toBe(200)
    const before = upstream.calls.length
    for (const remoteAddress of ['11.0.0.1', '2001:db9::1', '', 'unix'])
      expect(errorOf(await ask({ remoteAddress }))).toEqual([
        403,
        { type: 'permission_error', message: expect.stringContaining('may not be used from') as string },
      ])
    expect((await ask()).settlement.outcome.error?.code).toBe('credential-not-allowed')
    // What a client says of itself changes nothing.
    expect((await ask({ remoteAddress: '11.0.0.1', headers: [['x-forwarded-for', '10.1.2.3']] })).sink.status).toBe(403)
    expect(upstream.calls.length).toBe(before)
  })
})

describe('a key bound to models', () => {
  const models = ['claude-haiku-*', 'claude-opus-5-5']

  test('may ask for those, and for no other: the refusal names the model and what may be used', async () => {
    const { ask, upstream } = await gatewayWith({ models })
    for (const model of ['claude-opus-5-5', 'claude-haiku-5-5']) expect((await ask({ json: { ...messagesBody, model } })).sink.status).toBe(200)
    expect(errorOf(await ask({ json: { ...messagesBody, model: 'claude-fable-5-2' } }))).toEqual([
      403,
      {
        type: 'permission_error',
        message:
          'This key may not use the model "claude-fable-5-2". It may use claude-haiku-*, claude-opus-5-5. Choose one of those, or ask this gateway\'s operator.',
      },
    ])
    expect((await ask({ target: '/v1/messages/count_tokens', json: { ...messagesBody, model: 'claude-fable-5-2' } })).sink.status).toBe(403)
    expect(upstream.calls.length).toBe(2)
  })

  test.each([
    ['a second model behind an allowed one', '{"model":"claude-opus-5-5","model":"claude-fable-5-2","messages":[]}'],
    ['a second model before an allowed one', '{"model":"claude-fable-5-2","model":"claude-opus-5-5","messages":[]}'],
    ['an escaped key', '{"model":"claude-opus-5-5","mod\\u0065l":"claude-fable-5-2","messages":[]}'],
    ['a model that is no text', '{"model":["claude-opus-5-5"],"messages":[]}'],
    ['no model', '{"messages":[]}'],
    ['no object', '["claude-opus-5-5"]'],
    ['a tool that asks a dearer model for advice', '{"model":"claude-opus-5-5","messages":[],"tools":[{"type":"advisor","model":"claude-fable-5-2"}]}'],
    ['an adviser behind other tools of that name', '{"model":"claude-opus-5-5","messages":[],"tools":[{"mod\\u0065l":"claude-fable-5-2"}],"tools":[]}'],
    ['a fallback', '{"model":"claude-opus-5-5","messages":[],"fallbacks":[{"model":"claude-fable-5-2"}]}'],
    ['an adviser in what only some readers take for JSON', '{"model":"claude-opus-5-5","messages":[],"tools":[{"model":"claude-fable-5-2","n":NaN}]}'],
  ])('is not got around by %s', async (_what, body) => {
    const { ask, upstream } = await gatewayWith({ models })
    const { sink } = await ask({ body, headers: [['content-type', 'application/json']] })
    expect([sink.status, upstream.calls.length]).toEqual([403, 0])
  })

  test('may have tools that take a model for an argument, and speak of models', async () => {
    const { ask } = await gatewayWith({ models })
    const tools = [{ name: 'Agent', input_schema: { properties: { model: { type: 'string', enum: ['fable'] } }, example: { model: 'fable' } } }]
    const messages = [{ role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'Agent', input: { model: 'fable' } }] }]
    expect((await ask({ json: { ...messagesBody, tools, messages } })).sink.status).toBe(200)
  })

  test('may read, and may not use a route whose model nobody can tell', async () => {
    const { ask, send, key, upstream } = await gatewayWith({ models })
    const headers = [['x-api-key', key]] as const
    expect((await send({ method: 'GET', target: '/v1/models', headers })).sink.status).toBe(200)
    for (const target of ['/v1/messages/batches', '/v1/complete', '/v1/projects/p/models/claude-fable-5-2:streamRawPredict'])
      expect((await ask({ target })).settlement.outcome.error?.code).toBe('credential-not-allowed')
    expect((await send({ method: 'PUT', target: '/v1/messages', headers })).sink.status).toBe(403)
    expect(upstream.calls.length).toBe(1)
  })

  test('is told that its body is no JSON where it is none', async () => {
    const { ask } = await gatewayWith({ models })
    for (const body of ['', '{"model":', '{"model":"claude-opus-5-5"']) {
      const { settlement } = await ask({ body, headers: [['content-type', 'application/json']] })
      expect(settlement.outcome.error?.code).toBe('malformed-body')
    }
  })
})

describe('a key that leaks', () => {
  test('has its streams under way cut within cacheMillis of its revocation, with an error at the end', async () => {
    const gate = Promise.withResolvers<void>()
    const script = [{ headers: eventStream, body: [...replyFrames.slice(0, 4), () => gate.promise, ...replyFrames.slice(4)] }]
    const { start, key, record, store, clock, upstream } = await gatewayWith({}, script)
    const { sink, settled } = start({ json: messagesBody, headers: [['x-api-key', key]] })
    while (sink.status === undefined) await clock.advanceAsync(1)
    await clock.advanceAsync(7_000)
    expect([sink.status, sink.state]).toEqual([200, 'open'])
    await store.ring.revoke(record.id, { at: clock.now(), reason: 'found on the web', isLeaked: true })
    await clock.advanceAsync(5_000)
    const settlement = await settled
    expect(settlement?.outcome).toEqual({ kind: 'cut', error: { origin: 'gateway', code: 'invalid-credential' } })
    expect(sink.text()).toContain('event: error')
    expect(sink.text()).toContain('was withdrawn because it leaked')
    expect(upstream.calls[0]?.cancelled).toBeDefined()
    expect(clock.pendingTimers).toBe(0)
    gate.resolve()
  })

  test('is watched no longer than its exchanges last, however they end', async () => {
    const { ask, clock } = await gatewayWith({}, [complete, { status: 400, body: ['{}'] }, { failWith: new Error('x') }])
    for (let turn = 0; turn < 3; turn += 1) await ask()
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('the way of the credential', () => {
  const build = (credential: ReturnType<typeof swapCredential>) =>
    createGateway({ runtime: { transport: scriptedTransport([]) }, upstreams: [{ name: 'a', baseUrl: 'https://a.test', credential }] })

  test('swap mode is refused before an upstream that is sent the client’s own credential', () => {
    const { keys } = keyBench()
    for (const credential of [passthroughCredential(), splitCredential()])
      expect(() => build(credential).use(authenticate(keys))).toThrow('authenticate.mode: is "swap", and the upstream "a" is sent the client\'s own credential')
    expect(() => build(splitCredential()).use(authenticate(keys, { mode: 'split' }))).not.toThrow()
    expect(() => build(swapCredential('sk-ant-x')).use(authenticate(keys))).not.toThrow()
  })

  test('R21: virtual keys, tokens and the pepper reach no upstream, reply, settlement or fault, whatever becomes of the request', async () => {
    const script: ScriptedReply[] = [
      complete,
      { status: 500, headers: [['content-type', 'application/json']], body: ['{"type":"error"}'] },
      { failWith: new Error('reset') },
    ]
    const { ask, key, jwt, store, clock, keys, record, upstream, faults, gatewayFaults } = await gatewayWith({ models: ['claude-opus-5-5'] }, script)
    const told: string[] = []
    const note = async (asking: ReturnType<typeof ask>): Promise<void> => {
      const { sink, settlement } = await asking
      told.push(
        sink.text(),
        JSON.stringify(sink.headers),
        JSON.stringify(settlement, (_name, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)),
      )
    }
    for (const credential of [key, jwt, key]) await note(ask({}, credential))
    await note(ask({ json: { ...messagesBody, model: 'other' } }))
    await note(ask({}, `${key}x`))
    await note(ask({}, `${jwt}x`))
    await note(ask({ headers: [['x-api-key', key]] }, 'sk-ant-something-else'))
    store.mode = 'fails'
    clock.advance(2_000_000)
    await note(ask())
    await note(ask({}, jwt))
    store.mode = 'answers'
    clock.advance(10_000)
    await note(ask())
    await keys.revoke(record.id, { reason: 'x', isLeaked: true })
    await note(ask())
    await note(ask({}, jwt))
    told.push(JSON.stringify(upstream.calls.map(({ request }) => [request.headers, request.path])))
    told.push(JSON.stringify([...faults, ...gatewayFaults], (_name, value: unknown) => (value instanceof Error ? `${value.message} ${value.stack}` : value)))
    const all = told.join('\n')
    const secret = key.split('_')[3] as string
    for (const canary of [secret, secret.slice(0, 12), ...jwt.split('.').slice(1), pepper]) expect(all.includes(canary)).toBe(false)
    expect(told.length).toBeGreaterThan(30)
  })
})
