import { memoryBudgetBook } from '@sluice/storage-memory'
import { expect, test } from 'vitest'
import { eventStream, messagesBody, replyFrames } from '../../test/gateway-bench.ts'
import { checkBudget, type BudgetInput } from '../budget/check-budget.ts'
import { usageRoute } from '../budget/usage-route.ts'
import type { LedgerEntry } from '../ports/ledger.ts'
import { createGateway } from '../gateway.ts'
import type { CredentialVerifier, Principal } from '../ports/key-ring.ts'
import { swapCredential } from '../route/upstream-credential.ts'
import { clientRequest, type ClientRequestParts } from '../testing/client-request.ts'
import { collectingSink, type CollectingSink } from '../testing/collecting-sink.ts'
import { manualClock } from '../testing/manual-clock.ts'
import { scriptedTransport, type ScriptedReply } from '../testing/scripted-transport.ts'
import { attribute } from './attribute.ts'
import { authenticate } from './authenticate.ts'
import { budget } from './budget.ts'

const key = 'a-key-of-the-attacker'
const window = { kind: 'total' } as const
const cap = (parts: Partial<BudgetInput>): BudgetInput => ({
  id: 'cap',
  unit: 'nano-usd',
  amount: 1_000_000_000n,
  window,
  subject: { scope: 'acme' },
  createdAt: 0,
  ...parts,
})

interface Attack {
  readonly principal?: Partial<Principal>
  readonly reply?: ScriptedReply
}

/** A gateway with budgets, and an attacker who holds a key within `acme/web`. */
async function attacked(inputs: readonly BudgetInput[], { principal, reply = { headers: eventStream, body: replyFrames } }: Attack = {}) {
  const clock = manualClock()
  const book = memoryBudgetBook()
  for (const input of inputs) await book.define(checkBudget(input))
  const upstream = scriptedTransport(() => reply)
  const attacker: Principal = {
    keyId: 'k1',
    developer: 'mallory',
    scopes: [
      { path: 'acme', level: 'organisation' },
      { path: 'acme/web', level: 'business-unit' },
    ],
    ...principal,
  }
  const keys: CredentialVerifier = { verify: (credential) => Promise.resolve(credential === key ? attacker : undefined) }
  const entries: LedgerEntry[] = []
  const gateway = createGateway({
    runtime: { transport: upstream },
    upstreams: [{ name: 'scripted', baseUrl: 'https://upstream.test', credential: swapCredential('sk-ant-test') }],
    host: { clock, onFault: () => undefined },
    routes: [usageRoute({ keys, book, clock })],
  })
    .use(authenticate(keys))
    .use(attribute({ clock }))
    .use(budget(book, { clock }))
    .record({ append: (entry) => Promise.resolve(void entries.push(entry)), report: () => Promise.resolve([]), exchanges: () => Promise.resolve([]) })
  const send = async ({ headers = [], ...parts }: ClientRequestParts): Promise<CollectingSink> => {
    const sink = collectingSink()
    await gateway.handle(clientRequest({ headers: [['x-api-key', key], ...headers], ...parts }), sink)
    return sink
  }
  const spent = async (account = 'cap'): Promise<bigint | undefined> => (await book.balances([{ account, bucket: 0, firstBucket: 0 }]))[0]?.spent
  return { send, spent, upstream, book, entries, clock, gateway }
}

test.each([
  '/v1/messages/batches',
  '/v1/messages/batches/',
  '/v1/messages/Batches',
  '/v1/messages//batches',
  '/v1/complete',
  '/v1/complete/',
  '/v1/chat/completions',
  '/v1/responses',
  '/v1/sessions/sesn_1/events',
  '/v1/models/claude-opus-5-5:invoke',
])('G1: an attacker whom a budget covers cannot spend uncounted by asking %s', async (target) => {
  const { send, upstream } = await attacked([cap({})])
  expect((await send({ target, json: messagesBody })).status).toBe(403)
  expect(upstream.calls).toHaveLength(0)
})

test.each(['PUT', 'PATCH'])('G1: an attacker whom a budget covers cannot spend uncounted with %s', async (method) => {
  const { send, upstream } = await attacked([cap({})])
  expect((await send({ method, target: '/v1/messages', json: messagesBody })).status).toBe(403)
  expect(upstream.calls).toHaveLength(0)
})

test.each(['/v1/messages/count_tokens', '/v1/files', '/v1/files/file_1/content', '/v1/skills', '/v1/messages/batches/msgbatch_1/cancel'])(
  'whoever a budget covers may still ask %s, which costs nothing',
  async (target) => {
    const { send } = await attacked([cap({})])
    expect((await send({ target, json: messagesBody })).status).toBe(200)
  },
)

test('G1: an attacker cannot spend past the budget of a model by naming it within a batch', async () => {
  const { send, upstream } = await attacked([cap({ subject: { scope: 'acme', model: 'claude-opus-*' } })])
  const json = { requests: [{ custom_id: 'a', params: messagesBody }] }
  expect((await send({ target: '/v1/messages/batches', json })).status).toBe(403)
  expect((await send({ target: '/v1/messages/batches', json: { model: 'claude-haiku-4-5', ...json } })).status).toBe(403)
  expect(upstream.calls).toHaveLength(0)
})

test.each(['model', 'max_tokens', 'speed', 'inference_geo'])(
  'G1: an attacker who names %s twice is refused: a budget would go by one of them, and the upstream by the other',
  async (name) => {
    const { send, upstream } = await attacked([cap({ isStrict: true })])
    const body = JSON.stringify({ ...messagesBody, speed: 'standard', inference_geo: 'us' })
    const twice = body.replace(/}$/, `,"\\u00${name.charCodeAt(0).toString(16)}${name.slice(1)}":1}`)
    const refused = await send({ body: twice, headers: [['content-type', 'application/json']] })
    expect([refused.status, refused.text()]).toEqual([400, expect.stringContaining(`more than one \\"${name}\\"`)])
    expect(upstream.calls).toHaveLength(0)
  },
)

test('G1: an attacker cannot step out of a budget on a key’s repository by declaring another one', async () => {
  const { send, spent, entries } = await attacked([cap({ subject: { tag: { name: 'repository', value: 'shop' } } })], {
    principal: { tags: { repository: 'shop' } },
  })
  await send({ json: messagesBody, headers: [['x-sluice-repository', 'elsewhere']] })
  expect(await spent()).toBeGreaterThan(0n)
  expect(entries[0]?.attribution.repository).toEqual({ value: 'shop', source: 'key' })
})

test('G1: an attacker who leaves before the last byte of a reply that is no stream is charged for the output that came', async () => {
  const text = 'x'.repeat(30_000)
  const reply: ScriptedReply = {
    headers: [['content-type', 'application/json']],
    body: [`{"id":"msg_1","type":"message","role":"assistant","model":"claude-opus-5-5","content":[{"type":"text","text":"${text}"}],`],
    hang: 'after-body',
  }
  const { gateway, spent, entries } = await attacked([cap({})], { reply })
  const request = clientRequest({ headers: [['x-api-key', key]], json: { ...messagesBody, stream: false } })
  const sink = collectingSink()
  const settled = gateway.handle(request, sink)
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(sink.text()).toContain(text)
  request.leave()
  await settled
  expect(entries[0]?.usage.total.outputTokens).toBeGreaterThanOrEqual(10_000)
  // $20 a million of them.
  expect(await spent()).toBeGreaterThanOrEqual(200_000_000n)
})

test('R22: a key that is bound to networks tells nobody outside them what its budgets stand at', async () => {
  const { send } = await attacked([cap({})], { principal: { restrictions: { networks: ['10.0.0.0/8'] } } })
  const ask = (remoteAddress: string): Promise<CollectingSink> => send({ method: 'GET', target: '/api/oauth/usage', remoteAddress })
  expect((await ask('203.0.113.9')).status).toBe(403)
  expect((await ask('10.1.2.3')).status).toBe(200)
})

test('G1: an attacker who lay idle while a budget was set cannot pass by it with a burst', async () => {
  const { send, book, clock, upstream } = await attacked([])
  expect((await send({ json: messagesBody })).status).toBe(200)
  await book.define(checkBudget(cap({ amount: 1n })))
  clock.advance(3_600_000)
  const burst = await Promise.all(Array.from({ length: 20 }, () => send({ json: messagesBody })))
  expect(new Set(burst.map(({ status }) => status))).toEqual(new Set([429]))
  expect(upstream.calls).toHaveLength(1)
})
