import {
  attribute,
  authenticate,
  budget,
  checkBudget,
  createGateway,
  staticKeys,
  swapCredential,
  type BudgetBook,
  type BudgetInput,
  type BudgetOptions,
  type Fault,
} from '@sluice/core'
import { clientRequest, collectingSink, manualClock, scriptedTransport, type ScriptedReply } from '@sluice/core/testing'
import { memoryBudgetBook, memoryLedger } from '@sluice/storage-memory'
import { expect, test } from 'vitest'

const frame = (type: string, fields: object): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`
const eventStream = [['content-type', 'text/event-stream']] as const
const message = { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-opus-5-5', content: [], usage: { input_tokens: 20_000, output_tokens: 1 } }
const start = frame('message_start', { message })
const rest = [frame('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 1_000 } }), frame('message_stop', {})]
/** Costs $0.10. */
const tenCents: ScriptedReply = { headers: eventStream, body: [start, ...rest] }
const total = { account: 'cap', bucket: 0, firstBucket: 0 }

interface Door {
  /** What becomes of the next calls of `reserve`: the answer comes late, or never although it was done. */
  reserve?: 'lost-answer' | Promise<void>
  isOut?: boolean
}

/** A budget book whose answers can be held up. */
function doorBook(inner: BudgetBook, door: Door): BudgetBook {
  const guarded = <Answer>(ask: () => Promise<Answer>): Promise<Answer> => (door.isOut === true ? Promise.reject(new Error('gone')) : ask())
  return {
    ...inner,
    budgets: () => guarded(() => inner.budgets()),
    settle: (settlements) => guarded(() => inner.settle(settlements)),
    reserve: async (reservation) => {
      const { reserve } = door
      if (reserve === 'lost-answer') {
        await inner.reserve(reservation)
        return new Promise(() => undefined)
      }
      await reserve
      return guarded(() => inner.reserve(reservation))
    },
  }
}

async function harness(over: Partial<BudgetInput>, reply: ScriptedReply = tenCents, options: BudgetOptions = {}) {
  const clock = manualClock()
  const inner = memoryBudgetBook({ clock })
  const door: Door = {}
  const faults: Fault[] = []
  await inner.define(
    checkBudget({ id: 'cap', subject: { key: 'static:ada' }, unit: 'nano-usd', amount: 1_000_000_000n, window: { kind: 'total' }, createdAt: 0, ...over }),
  )
  const told: number[] = []
  const onFault = (fault: Fault): void => void faults.push(fault)
  const guard = budget(doorBook(inner, door), { clock, onFault, onThreshold: ({ percent }) => told.push(percent), ...options })
  const transport = scriptedTransport(() => reply)
  const gateway = createGateway({
    runtime: { transport },
    upstreams: [{ name: 'anthropic', baseUrl: 'https://api.anthropic.com', credential: swapCredential('sk-upstream') }],
    host: { clock, onFault },
  })
    .use(authenticate(staticKeys([{ developer: 'ada', secret: 'a-secret-of-ada-0001' }])))
    .use(attribute({ clock }))
    .use(guard)
    .record(memoryLedger())
  const send = (beforeBody?: Promise<void>) => {
    const body = new TextEncoder().encode(JSON.stringify({ model: 'claude-opus-5-5', max_tokens: 1_000, stream: true, messages: [] }))
    const request = clientRequest({
      headers: [
        ['content-type', 'application/json'],
        ['x-api-key', 'a-secret-of-ada-0001'],
      ],
      body: {
        pump: async (write) => {
          await beforeBody
          await write(body)
        },
        cancel: () => undefined,
      },
    })
    return { request, settled: gateway.handle(request, collectingSink()) }
  }
  return { clock, inner, door, faults, told, guard, transport, gateway, send }
}

test('C10: a place in the line that the book gives while nobody hears its answer is given back', async () => {
  const { clock, inner, door, send } = await harness({ unit: 'requests', amount: 1n, hardPercent: 100, action: 'queue' })
  await inner.reserve({ holdId: 'another', claims: [{ ...total, amount: 1n }], expiresAt: Infinity })
  const waiting = send()
  await clock.advanceAsync(300)
  await inner.settle([{ holdId: 'another', charges: [] }])
  door.reserve = 'lost-answer'
  await clock.advanceAsync(10_000)
  expect((await waiting.settled)?.outcome.error?.code).toBe('budget-unavailable')
  await clock.advanceAsync(10_000)
  expect(await inner.balances([total])).toEqual([{ spent: 0n, held: 0n }])
})

test('C10: a place in the line that the book gives when the gateway has shut the exchange down is given back', async () => {
  const { clock, inner, door, gateway, send } = await harness({ unit: 'requests', amount: 1n, hardPercent: 100, action: 'queue' }, tenCents, {
    answerMillis: 60_000,
  })
  await inner.reserve({ holdId: 'another', claims: [{ ...total, amount: 1n }], expiresAt: Infinity })
  const waiting = send()
  await clock.advanceAsync(100)
  await inner.settle([{ holdId: 'another', charges: [] }])
  const answer = Promise.withResolvers<void>()
  door.reserve = answer.promise
  await clock.advanceAsync(300)
  const drained = gateway.drain(10)
  await clock.advanceAsync(10)
  await Promise.all([waiting.settled, drained])
  answer.resolve()
  await clock.advanceAsync(100)
  expect(await inner.balances([total])).toEqual([{ spent: 0n, held: 0n }])
})

test('C10: what a stream has asked for beyond its reservation is given back when its client leaves before the answer', async () => {
  const { clock, inner, door, send } = await harness(
    { action: 'cut' },
    { headers: eventStream, body: [() => clock.advanceAsync(0), start, ...rest], hang: 'after-body' },
  )
  const answer = Promise.withResolvers<void>()
  const { request, settled } = send()
  await clock.advanceAsync(0)
  door.reserve = answer.promise
  await clock.advanceAsync(100)
  request.leave()
  const settlement = await settled
  answer.resolve()
  await clock.advanceAsync(100)
  expect(settlement?.cost.nanoUsd).toBeGreaterThan(79_000_000n)
  expect(await inner.balances([total])).toEqual([{ spent: settlement?.cost.nanoUsd, held: 0n }])
})

test('a stream that could not reserve more while the book was out reserves it when the book is back', async () => {
  const goOn = Promise.withResolvers<void>()
  const pings = Array.from({ length: 16 }, () => frame('ping', {}))
  const reply: ScriptedReply = { headers: eventStream, body: [() => clock.advanceAsync(0), start, () => goOn.promise, ...pings], hang: 'after-body' }
  const { clock, inner, door, send } = await harness({ action: 'cut' }, reply, { whenUnavailable: 'allow' })
  const { request, settled } = send()
  await clock.advanceAsync(0)
  door.isOut = true
  await clock.advanceAsync(100)
  door.isOut = false
  await clock.advanceAsync(1_000)
  goOn.resolve()
  await clock.advanceAsync(100)
  expect((await inner.balances([total]))[0]?.held).toBeGreaterThanOrEqual(80_000_000n)
  request.leave()
  await settled
  await clock.advanceAsync(100)
  expect((await inner.balances([total]))[0]?.held).toBe(0n)
})

test('R17: an exchange counts in the window that it began in, however long its body took, as it does in reports', async () => {
  const { clock, inner, send } = await harness({ window: { kind: 'day', timeZone: 'UTC' } })
  await clock.advanceAsync(12 * 3_600_000 - 1_000)
  const body = Promise.withResolvers<void>()
  const { settled } = send(body.promise)
  await clock.advanceAsync(2_000)
  body.resolve()
  const settlement = await settled
  const yesterday = Date.UTC(2026, 10, 24)
  expect(settlement?.startedAt).toBeLessThan(yesterday + 24 * 3_600_000)
  const days = [yesterday, yesterday + 24 * 3_600_000].map((bucket) => ({ account: 'cap', bucket, firstBucket: bucket }))
  expect((await inner.balances(days)).map(({ spent }) => spent)).toEqual([100_000_000n, 0n])
})

test('R23: with "allow", what passed before any budget could be read is charged once it can, or told as lost', async () => {
  const head = Promise.withResolvers<void>()
  const { clock, inner, door, faults, send } = await harness({}, { ...tenCents, beforeHead: () => head.promise }, { whenUnavailable: 'allow' })
  door.isOut = true
  const early = send()
  await clock.advanceAsync(100)
  door.isOut = false
  head.resolve()
  await early.settled
  expect(await inner.balances([total])).toEqual([{ spent: 100_000_000n, held: 0n }])
  const other = await harness({}, tenCents, { whenUnavailable: 'allow' })
  other.door.isOut = true
  await other.send().settled
  expect(other.faults.map(({ code }) => code)).toContain('budget-charge-lost')
  expect(faults.map(({ code }) => code)).not.toContain('budget-charge-lost')
})

test('G7: a rolling budget tells a threshold once per length of its window, not once an hour', async () => {
  const { clock, told, send } = await harness({ window: { kind: 'rolling', hours: 12 }, amount: 150_000_000n, thresholds: [50], hardPercent: 1_000 })
  for (let hour = 0; hour < 6; hour += 1) {
    await send().settled
    await clock.advanceAsync(3_600_000)
  }
  expect(told).toEqual([50])
  await clock.advanceAsync(12 * 3_600_000)
  await send().settled
  await clock.advanceAsync(0)
  expect(told).toEqual([50, 50])
})

test('R23: a book that hangs holds up neither the end of an exchange nor the shutdown for ever', async () => {
  const { clock, inner, door, guard, gateway, send } = await harness({})
  const hanging = { ...inner, settle: () => new Promise<never>(() => undefined) }
  Object.assign(inner, { settle: hanging.settle })
  const { settled } = send()
  await clock.advanceAsync(6_000)
  expect((await settled)?.outcome.kind).toBe('completed')
  const drained = gateway.drain(1_000)
  const flushed = guard.flush()
  await clock.advanceAsync(30_000)
  await drained
  expect(await flushed).toBe(1)
  expect(door).toEqual({})
})
