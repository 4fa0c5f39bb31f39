import { createGateway, swapCredential, type Attribution, type Fault, type Middleware, type Settlement } from '@sluice/core'
import { publishPolicy, type Policy } from '@sluice/core/policy'
import { clientRequest, collectingSink, scriptedTransport } from '@sluice/core/testing'
import { memoryLedger, memoryPolicyShelf } from '@sluice/storage-memory'
import { describe, expect, test } from 'vitest'
import { routingOf, type Routing, type RoutingParts } from './route-of.ts'

const names = ['first', 'second', 'third']
const reply = JSON.stringify({
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude-opus-5-5',
  content: [],
  stop_reason: 'end_turn',
  usage: { input_tokens: 9, output_tokens: 2 },
})

interface Bench {
  readonly ask: (asked?: { readonly session?: string; readonly method?: string; readonly path?: string }) => Promise<readonly string[]>
  readonly settlements: Settlement[]
  readonly publish: (policy: unknown, actor?: string) => Promise<void>
  readonly routing: Routing
  readonly faults: Fault[]
  /** Upstreams that answer 529. */
  readonly out: Set<string>
}

const sayWhose: Middleware<object, { readonly attribution: Attribution }> = {
  name: 'say-whose',
  handle: (exchange, next) => {
    const session = exchange.headers.find(([name]) => name === 'x-session')?.[1] ?? ''
    return next({ attribution: { kind: { value: 'main', source: 'header' }, session: { value: session, source: 'header' }, tags: {} } })
  },
}

/** A gateway of three upstreams; an answer is the upstreams that were asked, in order. */
function bench(parts: Partial<RoutingParts> = {}): Bench {
  const out = new Set<string>()
  const faults: Fault[] = []
  const settlements: Settlement[] = []
  const shelf = memoryPolicyShelf()
  const onFault = (fault: Fault): void => void faults.push(fault)
  const routing = routingOf({ upstreams: names, balance: 'in-order', shelf, ledger: memoryLedger(), onFault, now: Date.now, ...parts })
  const gateway = createGateway({
    runtime: {
      transport: scriptedTransport(({ origin }) =>
        out.has(new URL(origin).hostname)
          ? { status: 529, headers: [['content-type', 'application/json']], body: ['{"type":"error","error":{"type":"overloaded_error"}}'] }
          : { headers: [['content-type', 'application/json']], body: [reply] },
      ),
    },
    upstreams: names.map((name) => ({ name, baseUrl: `https://${name}`, credential: swapCredential('sk') })),
    host: { onFault },
  })
    .use(sayWhose)
    .route(routing.router)
  const ask: Bench['ask'] = async ({ session = 's1', method = 'POST', path = '/v1/messages' } = {}) => {
    const json = { model: 'claude-opus-5-5', max_tokens: 16, messages: [{ role: 'user', content: 'hello' }] }
    const request = clientRequest({ method, target: path, headers: [['x-session', session]], ...(method === 'POST' && { json }) })
    const settlement = await gateway.handle(request, collectingSink())
    if (settlement !== undefined) settlements.push(settlement)
    return settlement?.attempts.map(({ upstream }) => upstream) ?? []
  }
  const publish: Bench['publish'] = async (policy, actor = 'ada') => {
    const current = await shelf.current()
    await publishPolicy({ shelf, policy: policy as Policy, expected: current?.version, at: Date.now(), actor })
    await routing.refresh()
  }
  return { ask, settlements, publish, routing, faults, out }
}

describe('upstreams in order', () => {
  test('the first serves; where it is out the next ones are asked in their order', async () => {
    const { ask, out } = bench()
    expect(await ask()).toEqual(['first'])
    out.add('first').add('second')
    expect(await ask()).toEqual(['first', 'second', 'third'])
  })

  test('what a rule names stays there: no other upstream stands by for it', async () => {
    const { ask, out, publish, settlements } = bench()
    await publish({ version: 1, rules: ['when kind is main use upstream second', 'keep'] })
    expect(await ask()).toEqual(['second'])
    out.add('second')
    expect(await ask({ session: 's2' })).toEqual(['second'])
    expect(settlements.at(-1)).toMatchObject({ status: 529, route: { rule: 'rules[0]', target: { upstream: 'second' } } })
  })

  test('a model that a rule names without an upstream keeps the others as its fallbacks, with that model', async () => {
    const { ask, out, publish, settlements } = bench()
    await publish({ version: 1, rules: [{ do: { target: { model: 'claude-haiku-5-5' } }, adapt: true }] })
    out.add('first')
    expect(await ask()).toEqual(['first', 'second'])
    expect(settlements.at(-1)?.attempts.map(({ model }) => model)).toEqual(['claude-haiku-5-5', 'claude-haiku-5-5'])
  })

  test('a default upstream of the policy is the first, and is no rule: the others stand by', async () => {
    const { ask, out, publish } = bench()
    await publish({ version: 1, defaults: { upstream: 'third' }, rules: ['keep'] })
    expect(await ask()).toEqual(['third'])
    out.add('third')
    expect(await ask({ session: 's2' })).toEqual(['third', 'first'])
  })

  test('files and batches live in one workspace: they go to the first upstream and nowhere else; a list of models may come from any', async () => {
    const { ask, out } = bench()
    out.add('first')
    expect(await ask({ path: '/v1/messages/batches' })).toEqual(['first'])
    expect(await ask({ path: '/v1/files/file_1', method: 'GET' })).toEqual(['first'])
    expect(await ask({ path: '/v1/models', method: 'GET' })).toEqual(['first', 'second'])
    expect(await ask({ path: '/v1/messages/count_tokens' })).toEqual(['first', 'second'])
  })
})

describe('a shelf with nothing on it', () => {
  test('no request is looked at for a policy; upstreams stand in for one another, and what is published comes into force', async () => {
    const { ask, out, publish, settlements } = bench({ isShelfEmpty: true })
    expect(await ask()).toEqual(['first'])
    out.add('first')
    expect(await ask()).toEqual(['first', 'second'])
    expect(settlements.map(({ route }) => route)).toEqual([undefined, undefined])
    await publish({ version: 1, rules: ['use upstream third'] })
    expect(await ask({ session: 's2' })).toEqual(['third'])
    expect(settlements.at(-1)?.route).toMatchObject({ rule: 'rules[0]' })
  })
})

describe('sessions of their own', () => {
  test('D7: each session stays on one upstream, and of one that is out each moves to the same other one and back', async () => {
    const { ask, out, settlements } = bench({ balance: 'by-session' })
    const sessions = Array.from({ length: 30 }, (_, index) => `session-${index}`)
    const homes = new Map<string, string>()
    for (const session of sessions) {
      const [home = ''] = await ask({ session })
      homes.set(session, home)
      expect(await ask({ session })).toEqual([home])
      expect(settlements.at(-1)?.route?.target.upstream).toBe(home)
    }
    expect(new Set(homes.values())).toEqual(new Set(names))
    out.add('second')
    for (const session of sessions) {
      const went = await ask({ session })
      expect(await ask({ session })).toEqual(went)
      expect(went.length).toBe(homes.get(session) === 'second' ? 2 : 1)
    }
    out.clear()
    for (const session of sessions) expect(await ask({ session })).toEqual([homes.get(session)])
  })

  test('what belongs to no session of a model goes to the first', async () => {
    const { ask } = bench({ balance: 'by-session' })
    for (let at = 0; at < 5; at += 1) expect(await ask({ session: `s${at}`, path: '/v1/files', method: 'GET' })).toEqual(['first'])
  })
})

describe('a policy that is not valid', () => {
  test.each(['in-order', 'by-session'] as const)('%s: the one before stays in force, and the operator is told why, once', async (balance) => {
    const shelf = memoryPolicyShelf()
    const { ask, faults, publish, routing } = bench({ balance, shelf })
    await publishPolicy({ shelf, policy: { version: 1, rules: ['keep'] }, expected: undefined, at: 1, actor: 'ada' })
    await routing.refresh()
    const before = routing.inForce()?.version
    // Another gateway, which has an upstream that this one lacks, may publish it.
    const elsewhere: Policy = { version: 1, rules: ['use upstream eu'] }
    await publishPolicy({ shelf, policy: elsewhere, expected: before, at: 2, actor: 'ada' })
    for (let at = 0; at < 3; at += 1) {
      await routing.refresh()
      expect((await ask({ session: `s${at}` })).length).toBe(1)
    }
    expect(routing.inForce()?.version).toBe(before)
    expect(faults.map(({ code, message }) => [code, message])).toEqual([
      ['policy-invalid', expect.stringContaining(`and version ${before} stays in force: policy.rules[0].do.target.upstream: "eu" is not configured.`)],
    ])
    await publish({ version: 1, rules: [] })
  })
})

test('a silent upstream is waited for so long while there is another, and the last one to the end', async () => {
  const { routing } = bench({ failoverMillis: 1_500 })
  const exchange = { method: 'GET', context: {}, startedAt: 0, target: { path: '/v1/models' }, setReplyHeader: () => undefined } as unknown as Parameters<
    Routing['router']
  >[0]
  expect(await routing.router(exchange)).toEqual({
    targets: [{ upstream: 'first', headMillis: 1_500 }, { upstream: 'second', headMillis: 1_500 }, { upstream: 'third' }],
  })
})
