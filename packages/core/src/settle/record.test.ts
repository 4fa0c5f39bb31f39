import { expect, test } from 'vitest'
import { createGateway } from '../gateway.ts'
import { pricing, type Pricing } from '../meter/price.ts'
import type { Fault } from '../errors.ts'
import { swapCredential } from '../route/upstream-credential.ts'
import type { Ledger, LedgerEntry } from '../ports/ledger.ts'
import { clientRequest } from '../testing/client-request.ts'
import { collectingSink } from '../testing/collecting-sink.ts'
import { manualClock } from '../testing/manual-clock.ts'
import { scriptedTransport } from '../testing/scripted-transport.ts'
import type { RecordOptions } from './record.ts'

const message = JSON.stringify({
  id: 'msg_1',
  type: 'message',
  model: 'claude-opus-5-5',
  stop_reason: 'end_turn',
  content: [],
  usage: { input_tokens: 10, output_tokens: 5 },
})

/** A ledger whose doors can be shut, and that notes what it is asked in order. */
function doorLedger(): Ledger & {
  readonly calls: string[]
  readonly kept: Map<string, LedgerEntry>
  readonly opened: Map<string, LedgerEntry>
  isOut: boolean
  hangs: boolean
  isDeaf: boolean
} {
  const calls: string[] = []
  const kept = new Map<string, LedgerEntry>()
  const opened = new Map<string, LedgerEntry>()
  const ledger = {
    calls,
    kept,
    opened,
    isOut: false,
    hangs: false,
    isDeaf: false,
    append: (entry: LedgerEntry) => {
      calls.push(`append ${entry.exchangeId}`)
      if (ledger.isOut) return Promise.reject(new Error('the disk is gone'))
      if (!kept.has(entry.exchangeId)) kept.set(entry.exchangeId, entry)
      opened.delete(entry.exchangeId)
      return Promise.resolve()
    },
    report: () => Promise.resolve([]),
    exchanges: () => Promise.resolve([...kept.values()]),
    provisional: {
      open: (entry: LedgerEntry) => {
        calls.push(`open ${entry.exchangeId}`)
        if (ledger.hangs) return new Promise<void>(() => undefined)
        if (ledger.isOut) return Promise.reject(new Error('the disk is gone'))
        opened.set(entry.exchangeId, entry)
        return Promise.resolve()
      },
      keepAlive: (owner: string, until: number) => {
        if (ledger.isDeaf) return Promise.reject(new Error('not now'))
        calls.push(`alive ${owner} ${until}`)
        return Promise.resolve()
      },
      recover: () => Promise.resolve([]),
    },
  }
  return ledger
}

function harness(options: RecordOptions = {}, onSend: (ledger: ReturnType<typeof doorLedger>) => void = () => undefined) {
  const clock = manualClock()
  const ledger = doorLedger()
  const faults: Fault[] = []
  const transport = scriptedTransport(() => ({ headers: [['content-type', 'application/json']], body: [message], beforeHead: () => onSend(ledger) }))
  let ids = 0
  const gateway = createGateway({
    runtime: { transport },
    upstreams: [{ name: 'anthropic', baseUrl: 'https://api.anthropic.com', credential: swapCredential('sk-upstream') }],
    host: { clock, newId: () => `id_${(ids += 1)}`, onFault: (fault) => faults.push(fault) },
  }).record(ledger, options)
  const send = async () => {
    const sink = collectingSink()
    const body = '{"model":"claude-opus-5-5","max_tokens":100,"messages":[]}'
    const settlement = await gateway.handle(
      clientRequest({ method: 'POST', target: '/v1/messages', headers: [['content-type', 'application/json']], body }),
      sink,
    )
    return { sink, settlement }
  }
  return { clock, ledger, faults, transport, gateway, send }
}

const codes = (faults: readonly Fault[]): readonly string[] => faults.map(({ code }) => code)

test('an exchange is kept, durably and as estimated, before its first byte goes upstream, and its settlement takes that away', async () => {
  const seen: LedgerEntry[] = []
  const { ledger, send } = harness({}, ({ opened }) => seen.push(...opened.values()))
  const { settlement } = await send()
  expect(seen).toMatchObject([
    {
      exchangeId: settlement?.exchangeId,
      outcome: { kind: 'cut', error: { origin: 'gateway', code: 'gateway-crashed' } },
      requestedModel: 'claude-opus-5-5',
      usage: { source: 'estimated', lines: [{ model: 'claude-opus-5-5', outputTokens: 100 }] },
      cost: { state: 'priced' },
    },
  ])
  expect(seen[0]?.cost.nanoUsd).toBeGreaterThan(0n)
  expect([...ledger.opened.keys()]).toEqual([])
  expect([...ledger.kept.values()]).toMatchObject([{ outcome: { kind: 'completed' }, usage: { source: 'final' } }])
})

test('R23: what settles while the ledger is out waits, and is delivered by itself when it is back, each once', async () => {
  const { ledger, faults, clock, send } = harness()
  ledger.isOut = true
  for (let count = 0; count < 5; count += 1) expect((await send()).sink.state).toBe('closed')
  expect(ledger.kept.size).toBe(0)
  ledger.isOut = false
  await clock.advanceAsync(5_000)
  expect(ledger.kept.size).toBe(5)
  expect(codes(faults)).toEqual(['ledger-append-failed', 'ledger-append-failed', 'ledger-recovered'])
  const before = ledger.calls.length
  await clock.advanceAsync(60_000)
  expect(ledger.calls.slice(before).filter((call) => call.startsWith('append'))).toEqual([])
})

test('R23: a journal that is full refuses new messages rather than spend what it cannot record, and takes them again later', async () => {
  const { ledger, clock, transport, send } = harness({ journalEntries: 2 })
  ledger.isOut = true
  await send()
  await send()
  const { sink } = await send()
  expect([sink.status, transport.calls.length]).toEqual([503, 2])
  expect(sink.headers).toContainEqual(['x-should-retry', 'true'])
  ledger.isOut = false
  await clock.advanceAsync(5_000)
  expect((await send()).sink.status).toBe(200)
})

test('a ledger that hangs while an exchange begins delays it for so long and no longer', async () => {
  const { ledger, clock, faults, send } = harness({ openMillis: 300 })
  ledger.hangs = true
  const sending = send()
  await clock.advanceAsync(299)
  expect(faults).toEqual([])
  await clock.advanceAsync(1)
  expect((await sending).sink.status).toBe(200)
  expect(codes(faults)).toEqual(['ledger-append-failed'])
})

test('an owner says that it lives for as long as it has exchanges under way, and then stops', async () => {
  const held = Promise.withResolvers<void>()
  const { ledger, clock, send } = harness({}, () => undefined)
  const slow = harness({}, () => held.promise as never)
  const sending = slow.send()
  await slow.clock.advanceAsync(35_000)
  const alive = slow.ledger.calls.filter((call) => call.startsWith('alive'))
  expect(alive).toHaveLength(4)
  expect(new Set(alive.map((call) => call.split(' ')[1])).size).toBe(1)
  held.resolve()
  await sending
  await slow.clock.advanceAsync(100_000)
  expect(slow.ledger.calls.filter((call) => call.startsWith('alive'))).toHaveLength(4)
  await send()
  await clock.advanceAsync(0)
  expect(ledger.calls[0]).toMatch(/^alive /)
})

test('drain delivers what waits before it resolves', async () => {
  const { ledger, gateway, send } = harness()
  ledger.isOut = true
  await send()
  ledger.isOut = false
  await gateway.drain(1)
  expect(ledger.kept.size).toBe(1)
})

test('R23: drain waits for a ledger that is out as long as it may, and tells what is left then', async () => {
  const back = harness()
  back.ledger.isOut = true
  await back.send()
  const drained = back.gateway.drain(5_000)
  await back.clock.advanceAsync(2_000)
  back.ledger.isOut = false
  await back.clock.advanceAsync(3_000)
  await drained
  expect([back.ledger.kept.size, codes(back.faults).at(-1)]).toEqual([1, 'ledger-recovered'])
  const gone = harness()
  gone.ledger.isOut = true
  await gone.send()
  const given = gone.gateway.drain(2_000)
  await gone.clock.advanceAsync(3_000)
  await given
  expect(gone.faults.at(-1)?.message).toBe('the ledger was out to the end: 1 exchanges are not in it as they ended')
})

test('R23: what was let in while there was room in the journal is kept, however full it is when it ends', async () => {
  const held = Promise.withResolvers<void>()
  const { ledger, clock, send, transport } = harness({ journalEntries: 1 }, () => held.promise as never)
  const under = [send(), send(), send()]
  await clock.advanceAsync(0)
  ledger.isOut = true
  held.resolve()
  await Promise.all(under)
  expect([(await send()).sink.status, transport.calls.length]).toEqual([503, 3])
  ledger.isOut = false
  await clock.advanceAsync(5_000)
  expect(ledger.kept.size).toBeGreaterThanOrEqual(3)
  expect([...ledger.kept.values()].filter(({ cost }) => cost.nanoUsd > 0n)).toHaveLength(3)
})

test('an owner that the ledger has not heard says again that it lives with the next exchange', async () => {
  const held = Promise.withResolvers<void>()
  const { ledger, clock, send } = harness({}, () => held.promise as never)
  ledger.isDeaf = true
  const first = send()
  await clock.advanceAsync(0)
  ledger.isDeaf = false
  const second = send()
  await clock.advanceAsync(0)
  expect(ledger.calls.filter((call) => call.startsWith('alive'))).toHaveLength(1)
  held.resolve()
  await Promise.all([first, second])
  await clock.advanceAsync(30_000)
  expect(clock.pendingTimers).toBe(0)
})

test('C10: an exchange that fails where nothing should is in the ledger once, as estimated, and its hold ends', async () => {
  const ledger = doorLedger()
  const ends: bigint[] = []
  const list = pricing()
  const cost: Pricing['cost'] = (usage, at) => {
    if (usage.source === 'final') throw new Error('boom')
    return list.cost(usage, at)
  }
  const gateway = createGateway({
    runtime: { transport: scriptedTransport([{ headers: [['content-type', 'application/json']], body: [message] }]) },
    upstreams: [{ name: 'anthropic', baseUrl: 'https://api.anthropic.com', credential: swapCredential('sk-upstream') }],
    host: { clock: manualClock() },
    pricing: { ...list, cost },
  })
    .use({
      name: 'hold',
      handle: (exchange, next) => {
        exchange.onSettled((settlement) => void ends.push(settlement.cost.nanoUsd))
        return next({})
      },
    })
    .record(ledger)
  const json = { model: 'claude-opus-5-5', max_tokens: 100, messages: [] }
  expect(await gateway.handle(clientRequest({ json }), collectingSink())).toBeUndefined()
  expect([...ledger.kept.values()]).toMatchObject([
    { outcome: { kind: 'failed', error: { origin: 'gateway', code: 'internal' } }, usage: { source: 'estimated' } },
  ])
  expect(ends).toHaveLength(1)
  expect(ends[0]).toBeGreaterThan(0n)
  expect(ledger.opened.size).toBe(0)
})
