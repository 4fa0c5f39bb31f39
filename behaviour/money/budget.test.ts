import {
  attribute,
  authenticate,
  budget,
  checkBudget,
  createGateway,
  staticKeys,
  swapCredential,
  usageRoute,
  type BudgetBook,
  type BudgetInput,
  type BudgetOptions,
  type Fault,
  type ThresholdPassed,
} from '@sluice/core'
import { clientRequest, collectingSink, manualClock, scriptedTransport, type ScriptedReply } from '@sluice/core/testing'
import { memoryBudgetBook, memoryLedger } from '@sluice/storage-memory'
import { expect, test } from 'vitest'

const frame = (type: string, fields: object): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`
const eventStream = [
  ['content-type', 'text/event-stream'],
  ['anthropic-ratelimit-unified-status', 'allowed'],
  ['anthropic-ratelimit-unified-5h-utilization', '0.3'],
] as const

/** A stream of Opus 5.5 that reports so many tokens: $4 and $20 a million. */
function stream(inputTokens: number, outputTokens: number, deltas = 3): readonly string[] {
  const usage = { input_tokens: inputTokens, output_tokens: 1 }
  return [
    frame('message_start', { message: { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-opus-5-5', content: [], usage } }),
    frame('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
    ...Array.from({ length: deltas }, () => frame('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'x'.repeat(100) } })),
    frame('content_block_stop', { index: 0 }),
    frame('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: outputTokens } }),
    frame('message_stop', {}),
  ]
}

/** Costs $0.10: 20,000 tokens in, 1,000 out. */
const tenCents: ScriptedReply = { headers: eventStream, body: stream(20_000, 1_000) }

interface Harness {
  readonly inputs?: readonly BudgetInput[]
  readonly options?: BudgetOptions
  readonly replies?: ScriptedReply | ((index: number) => ScriptedReply)
  readonly book?: BudgetBook
}

async function harness({ inputs = [], options = {}, replies = tenCents, book = memoryBudgetBook() }: Harness) {
  const clock = manualClock()
  const faults: Fault[] = []
  const thresholds: ThresholdPassed[] = []
  for (const input of inputs) await book.define(checkBudget(input))
  const transport = scriptedTransport((_request, index) => (typeof replies === 'function' ? replies(index) : replies))
  const ledger = memoryLedger()
  const keys = staticKeys([
    { developer: 'ada', secret: 'a-secret-of-ada-0001' },
    { developer: 'bob', secret: 'a-secret-of-bob-0002' },
  ])
  const guard = budget(book, { clock, onFault: (fault) => faults.push(fault), onThreshold: (passed) => thresholds.push(passed), ...options })
  const gateway = createGateway({
    runtime: { transport },
    upstreams: [{ name: 'anthropic', baseUrl: 'https://api.anthropic.com', credential: swapCredential('sk-upstream') }],
    host: { clock, onFault: (fault) => faults.push(fault) },
    routes: [usageRoute({ keys, book, clock })],
  })
    .use(authenticate(keys))
    .use(attribute({ clock }))
    .use(guard)
    .record(ledger)
  const start = (
    over: { readonly target?: string; readonly maxTokens?: number; readonly key?: string; readonly headers?: readonly (readonly [string, string])[] } = {},
  ) => {
    const { target = '/v1/messages', maxTokens = 1_000, key = 'a-secret-of-ada-0001', headers = [] } = over
    const sink = collectingSink()
    const request = clientRequest({
      target,
      headers: [['content-type', 'application/json'], ['x-api-key', key], ...headers],
      body: JSON.stringify({ model: 'claude-opus-5-5', max_tokens: maxTokens, stream: true, messages: [{ role: 'user', content: 'x'.repeat(600) }] }),
    })
    return { sink, request, settled: gateway.handle(request, sink) }
  }
  const send = async (over: Parameters<typeof start>[0] = {}) => {
    const { sink, settled } = start(over)
    const settlement = await settled
    return { sink, settlement }
  }
  return { book, clock, faults, thresholds, transport, ledger, gateway, guard, send, start }
}

const ofKey = (id: string, usd: number, more: Partial<BudgetInput> = {}): BudgetInput => ({
  id,
  subject: { key: 'static:ada' },
  unit: 'nano-usd',
  amount: BigInt(Math.round(usd * 1_000_000_000)),
  window: { kind: 'month', timeZone: 'UTC' },
  createdAt: 0,
  ...more,
})

const header = (headers: readonly (readonly [string, string])[], name: string): string | undefined =>
  headers.find(([one]) => one.toLowerCase() === `anthropic-ratelimit-unified-${name}`)?.[1]
const month = { account: 'cap', bucket: Date.UTC(2026, 10, 1), firstBucket: Date.UTC(2026, 10, 1) }

test('below the line every answer carries the headers that Claude Code warns by, in place of the upstream’s own', async () => {
  const { send } = await harness({ inputs: [ofKey('cap', 1)] })
  const first = await send()
  expect(header(first.sink.headers, 'status')).toBe('allowed')
  expect(header(first.sink.headers, '5h-utilization')).toBeUndefined()
  for (let count = 0; count < 7; count += 1) await send()
  const { sink } = await send()
  expect(sink.status).toBe(200)
  expect(Object.fromEntries(sink.headers.filter(([name]) => name.startsWith('anthropic-ratelimit')))).toEqual({
    'anthropic-ratelimit-unified-status': 'allowed_warning',
    'anthropic-ratelimit-unified-representative-claim': 'overage',
    'anthropic-ratelimit-unified-overage-status': 'allowed_warning',
    'anthropic-ratelimit-unified-overage-utilization': expect.stringMatching(/^0\.[89]\d?$/),
    'anthropic-ratelimit-unified-overage-surpassed-threshold': expect.stringMatching(/^0\.(75|95)$/),
    'anthropic-ratelimit-unified-reset': String(Date.UTC(2026, 11, 1) / 1000),
    'anthropic-ratelimit-unified-overage-reset': String(Date.UTC(2026, 11, 1) / 1000),
  })
})

test('R18 at the line the refusal names the cap, what was spent, the reset and the operator’s text, and is not to be repeated', async () => {
  const { send, transport, ledger, book } = await harness({
    inputs: [ofKey('cap', 0.1, { name: 'Team web', hardPercent: 100, notice: 'Ask #ai-budget for more.' })],
  })
  while ((await send()).sink.status === 200);
  const before = await book.balances([month])
  const { sink, settlement } = await send()
  expect(sink.status).toBe(429)
  expect(JSON.parse(sink.text())).toMatchObject({
    type: 'error',
    error: {
      type: 'billing_error',
      message: 'spend limit reached · resets Dec 1 · Team web: $0.10 used of $0.10 this month · Ask #ai-budget for more.',
    },
  })
  expect(Object.fromEntries(sink.headers)).toMatchObject({
    'x-should-retry': 'false',
    'retry-after': String((Date.UTC(2026, 11, 1) - Date.UTC(2026, 10, 24, 12)) / 1000),
    'anthropic-ratelimit-unified-status': 'rejected',
    'anthropic-ratelimit-unified-overage-period': 'monthly',
    'anthropic-ratelimit-unified-overage-disabled-reason': 'org_spend_cap_reached',
    'anthropic-ratelimit-unified-overage-utilization': '1',
    'anthropic-ratelimit-unified-overage-surpassed-threshold': '1',
  })
  expect(settlement).toMatchObject({ outcome: { kind: 'refused', error: { code: 'budget-exceeded' } }, cost: { nanoUsd: 0n } })
  const calls = transport.calls.length
  for (let count = 0; count < 100; count += 1) await send()
  expect([transport.calls.length, await book.balances([month])]).toEqual([calls, before])
  expect((await ledger.report({ groupBy: ['outcome'] })).find(({ group }) => group.outcome === 'refused')?.costNanoUsd).toBe(0n)
})

test('F2, R18 ten thousand refusals leave spend, holds and the ledger’s cost as they were, and none reaches the upstream', { timeout: 120_000 }, async () => {
  const { send, transport, ledger, book } = await harness({ inputs: [ofKey('cap', 0.1, { hardPercent: 100 })] })
  while ((await send()).sink.status === 200);
  const [before, calls] = [await book.balances([month]), transport.calls.length]
  const spent = async (): Promise<bigint> => (await ledger.report({ groupBy: [] }))[0]?.costNanoUsd ?? 0n
  const cost = await spent()
  for (let count = 0; count < 10_000; count += 100) {
    const refused = await Promise.all(Array.from({ length: 100 }, () => send()))
    expect(new Set(refused.map(({ sink, settlement }) => `${sink.status} ${settlement?.outcome.error?.code} ${settlement?.cost.nanoUsd}`))).toEqual(
      new Set(['429 budget-exceeded 0']),
    )
  }
  expect([await book.balances([month]), transport.calls.length, await spent()]).toEqual([before, calls, cost])
})

test('F2 budgets never stand before count_tokens, and do before routes that report no usage', async () => {
  const { send } = await harness({ inputs: [ofKey('cap', 0)], replies: { headers: [['content-type', 'application/json']], body: ['{}'] } })
  expect((await send({ target: '/v1/messages/count_tokens' })).sink.status).toBe(200)
  expect((await send()).sink.status).toBe(429)
  expect((await send({ target: '/v1/messages/batches' })).sink.status).toBe(403)
  expect((await send({ target: '/v1/messages/batches', key: 'a-secret-of-bob-0002' })).sink.status).toBe(200)
})

test('G1 two hundred requests at once on one cap: what is spent stays within the cap and what each cost beyond its reservation', async () => {
  const held = Promise.withResolvers<void>()
  const { book, start } = await harness({
    inputs: [ofKey('cap', 1, { hardPercent: 100 })],
    replies: { headers: eventStream, body: [...stream(20_000, 1_000).slice(0, 1), () => held.promise, ...stream(20_000, 1_000).slice(1)] },
  })
  const exchanges = Array.from({ length: 200 }, () => start())
  await Promise.resolve()
  setTimeout(() => held.resolve(), 20)
  const settlements = await Promise.all(exchanges.map(({ settled }) => settled))
  const admitted = settlements.filter((settlement) => settlement?.outcome.kind === 'completed').length
  const [balance] = await book.balances([month])
  expect(admitted).toBeGreaterThan(0)
  expect(admitted).toBeLessThan(200)
  expect(balance).toEqual({ spent: BigInt(admitted) * 100_000_000n, held: 0n })
  // Each was reserved at a thousand output tokens and about 160 of input: $0.0208; each costs $0.10.
  expect(admitted).toBeLessThanOrEqual(48)
})

test('G1 a strict budget is not overshot by a nano-dollar, however many ask at once', async () => {
  const { book, start } = await harness({ inputs: [ofKey('cap', 1, { isStrict: true })], replies: { headers: eventStream, body: stream(500, 1_000) } })
  const settlements = await Promise.all(Array.from({ length: 200 }, () => start().settled))
  const [balance] = await book.balances([month])
  expect(settlements.some((settlement) => settlement?.outcome.kind === 'completed')).toBe(true)
  expect(settlements.some((settlement) => settlement?.outcome.kind === 'refused')).toBe(true)
  expect(balance?.held).toBe(0n)
  expect(balance?.spent).toBeLessThanOrEqual(1_000_000_000n)
})

test('C10 every end settles the hold: refused upstream gives it back, a cut stream is charged what was reported', async () => {
  const kinds: ScriptedReply[] = [
    { status: 529, headers: [['content-type', 'application/json']], body: ['{"type":"error","error":{"type":"overloaded_error","message":"x"}}'] },
    { failWith: new Error('reset') },
    { headers: eventStream, body: stream(20_000, 1_000).slice(0, 3), breakWith: new Error('reset') },
  ]
  const { book, send } = await harness({ inputs: [ofKey('cap', 10)], replies: (index) => kinds[index] as ScriptedReply })
  await send()
  await send()
  expect(await book.balances([month])).toEqual([{ spent: 0n, held: 0n }])
  const { settlement } = await send()
  expect(settlement?.usage.source).toBe('partial')
  expect(settlement?.cost.nanoUsd).toBeGreaterThanOrEqual(80_000_000n)
  expect(await book.balances([month])).toEqual([{ spent: settlement?.cost.nanoUsd, held: 0n }])
})

test('a stream that runs past its reservation is cut where the budget says so and has no room, with a valid last event', async () => {
  const { send, book } = await harness({
    inputs: [ofKey('cap', 0.2, { action: 'cut', hardPercent: 100 })],
    replies: { headers: eventStream, body: stream(20_000, 60_000, 3_000) },
  })
  const { sink, settlement } = await send({ maxTokens: 100_000 })
  expect(settlement).toMatchObject({ outcome: { kind: 'cut', error: { code: 'budget-exceeded' } }, usage: { source: 'partial' } })
  expect(sink.text()).toMatch(/event: error\ndata: .*spend limit reached.*\n\n$/)
  const [balance] = await book.balances([month])
  expect(balance?.held).toBe(0n)
  // What was seen of it when it was cut: the line, and at most sixteen frames more.
  expect(Number(balance?.spent)).toBeLessThan(200_000_000 + 16 * 40 * 20_000)
})

test('G7 each threshold is told once per window, whoever passes it', async () => {
  const { send, thresholds, clock } = await harness({ inputs: [ofKey('cap', 1)] })
  for (let count = 0; count < 11; count += 1) await send()
  await clock.advanceAsync(0)
  expect(thresholds.map(({ percent }) => percent)).toEqual([50, 80, 90, 100])
  expect(thresholds[0]).toMatchObject({ budget: { id: 'cap' }, spent: 500_000_000n, amount: 1_000_000_000n })
  await clock.advanceAsync(8 * 24 * 3_600_000)
  for (let count = 0; count < 5; count += 1) await send()
  expect(thresholds.map(({ percent }) => percent)).toEqual([50, 80, 90, 100, 50])
})

test('a budget that queues lets an exchange wait for room, and refuses it when its time is over; a client that leaves the line leaves nothing', async () => {
  const held = Promise.withResolvers<void>()
  const { start, clock, book } = await harness({
    inputs: [{ ...ofKey('cap', 0), unit: 'requests', amount: 1n, hardPercent: 100, action: 'queue' }],
    replies: (index) =>
      index === 0 ? { status: 500, headers: [['content-type', 'application/json']], body: ['{}'], beforeHead: () => held.promise } : tenCents,
    options: { queueMillis: 2_000 },
  })
  const first = start()
  await clock.advanceAsync(1)
  const second = start()
  const third = start()
  await clock.advanceAsync(500)
  third.request.leave()
  held.resolve()
  await first.settled
  await clock.advanceAsync(300)
  expect((await second.settled)?.outcome.kind).toBe('completed')
  expect((await third.settled)?.outcome.kind).toBe('client-gone')
  const fourth = start()
  await clock.advanceAsync(2_500)
  expect((await fourth.settled)?.outcome.error?.code).toBe('budget-exceeded')
  expect(await book.balances([month])).toEqual([{ spent: 1n, held: 0n }])
})

test('R23 while the book is out exchanges are refused by default, or go on and are charged once it is back', async () => {
  for (const whenUnavailable of ['refuse', 'allow'] as const) {
    const inner = memoryBudgetBook()
    let isOut = false
    const book: BudgetBook = {
      ...inner,
      reserve: (reservation) => (isOut ? Promise.reject(new Error('gone')) : inner.reserve(reservation)),
      settle: (settlements) => (isOut ? Promise.reject(new Error('gone')) : inner.settle(settlements)),
    }
    const { send, clock, faults, guard } = await harness({ inputs: [ofKey('cap', 10)], book, options: { whenUnavailable } })
    await send()
    isOut = true
    const { sink } = await send()
    expect(sink.status).toBe(whenUnavailable === 'allow' ? 200 : 503)
    expect(faults.map(({ code }) => code)).toContain('budget-book-failed')
    isOut = false
    await clock.advanceAsync(5_000)
    expect(await guard.flush()).toBe(0)
    expect(await inner.balances([month])).toEqual([{ spent: whenUnavailable === 'allow' ? 200_000_000n : 100_000_000n, held: 0n }])
    expect(faults.map(({ code }) => code)).toContain('budget-book-recovered')
  }
})

test('several budgets: all must have room, and the refusal names the one that has not', async () => {
  const { send } = await harness({
    inputs: [
      ofKey('cap', 100),
      ofKey('narrow', 0.15, { name: 'Opus a day', subject: { model: 'claude-opus-*' }, window: { kind: 'day', timeZone: 'Europe/Berlin' }, hardPercent: 100 }),
    ],
  })
  await send()
  await send()
  const { sink } = await send()
  expect(sink.status).toBe(429)
  expect(sink.text()).toContain('resets 00:00 (Europe/Berlin) · Opus a day: $0.10 used of $0.15 today, and what is left is not enough')
})

test('GET /api/oauth/usage answers as Claude Code reads it, to the holder of a key only', async () => {
  const { gateway, send } = await harness({ inputs: [ofKey('cap', 1), ofKey('day', 10, { window: { kind: 'day', timeZone: 'UTC' } })] })
  await send()
  const ask = async (headers: readonly (readonly [string, string])[]) => {
    const sink = collectingSink()
    await gateway.handle(clientRequest({ method: 'GET', target: '/api/oauth/usage', headers }), sink)
    return sink
  }
  expect((await ask([])).status).toBe(401)
  expect((await ask([['authorization', 'Bearer a-secret-of-bob-0002']])).status).toBe(404)
  const sink = await ask([['authorization', 'Bearer a-secret-of-ada-0001']])
  expect([sink.status, JSON.parse(sink.text())]).toEqual([
    200,
    {
      extra_usage: { is_enabled: true, monthly_limit: 100, used_credits: 10, utilization: 10, currency: 'USD' },
      limits: [
        { kind: 'spend', group: 'monthly', percent: 10, resets_at: '2026-12-01T00:00:00.000Z', severity: 'normal', is_active: true },
        { kind: 'spend', group: 'daily', percent: 1, resets_at: '2026-11-25T00:00:00.000Z', severity: 'normal', is_active: false },
      ],
    },
  ])
})
