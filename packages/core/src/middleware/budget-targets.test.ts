import { memoryBudgetBook } from '@sluice/storage-memory'
import { describe, expect, test } from 'vitest'
import { replyOf, type Behaviour } from '../../test/fleet-bench.ts'
import { eventStream, messagesBody, replyFrames } from '../../test/gateway-bench.ts'
import { checkBudget, type BudgetInput } from '../budget/check-budget.ts'
import type { Settlement } from '../entry/settlement.ts'
import { createGateway } from '../gateway.ts'
import type { Target } from '../route/router.ts'
import { swapCredential } from '../route/upstream-credential.ts'
import { clientRequest } from '../testing/client-request.ts'
import { collectingSink, type CollectingSink } from '../testing/collecting-sink.ts'
import { manualClock } from '../testing/manual-clock.ts'
import { scriptedTransport } from '../testing/scripted-transport.ts'
import { headerValue } from '../wire/header-list.ts'
import { budget } from './budget.ts'

const cheap = 'claude-haiku-4-5'
const dear = 'claude-opus-4-1'
const asking = { ...messagesBody, model: cheap, max_tokens: 1_000 }
const team: BudgetInput = {
  id: 'team',
  unit: 'nano-usd',
  amount: 1_000_000_000n,
  hardPercent: 100,
  window: { kind: 'total' },
  subject: { scope: 'acme' },
  createdAt: 0,
}
const ofDear: BudgetInput = { ...team, id: 'dear', subject: { model: dear } }
const dearFrames = replyFrames.map((frame) => frame.replace('claude-opus-5-5', dear))

/** A gateway with budgets before upstreams `a` and `b`; what is held is read while an upstream is at work. */
async function benchOf(inputs: readonly BudgetInput[], targets: readonly [Target, ...Target[]], behaviours: Record<string, Behaviour> = {}) {
  const clock = manualClock()
  const book = memoryBudgetBook()
  for (const input of inputs) await book.define(checkBudget(input))
  const balanceOf = async (id: string) => {
    const [balance] = await book.balances([{ account: id, bucket: 0, firstBucket: 0 }])
    return { spent: balance?.spent ?? -1n, held: balance?.held ?? -1n }
  }
  const heldAt: Record<string, bigint>[] = []
  const transport = scriptedTransport(async ({ origin }) => {
    heldAt.push(Object.fromEntries(await Promise.all(inputs.map(async ({ id }) => [id, (await balanceOf(id)).held] as const))))
    const name = origin.slice(8, 9)
    const behaviour = behaviours[name] ?? 'ok'
    return behaviour === 'ok' ? { headers: eventStream, body: dearFrames } : replyOf(name, behaviour)
  })
  const gateway = createGateway({
    runtime: { transport },
    upstreams: ['a', 'b', 'c'].map((name) => ({ name, baseUrl: `https://${name}.test`, credential: swapCredential('k') })),
    host: { clock, onFault: (fault) => expect(fault).toBeUndefined() },
  })
    .use({
      name: 'principal',
      handle: (_exchange, next) => next({ principal: { keyId: 'k', developer: 'ada', scopes: [{ path: 'acme', level: 'organisation' as const }] } }),
    })
    .use(budget(book, { clock }))
    .route(() => ({ targets }))
  const send = async (): Promise<{ settlement: Settlement; sink: CollectingSink; asked: readonly string[] }> => {
    const sink = collectingSink()
    const settlement = await gateway.handle(clientRequest({ json: asking }), sink)
    if (settlement === undefined) throw new Error('answered locally')
    return { settlement, sink, asked: transport.calls.map(({ request }) => request.origin.slice(8, 9)) }
  }
  return { send, balanceOf, heldAt }
}

/** What the two models are estimated at, as they are held. */
async function heldFor(model: string): Promise<bigint> {
  const { send, heldAt } = await benchOf([team], [{ upstream: 'a', model }])
  await send()
  return heldAt[0]?.['team'] ?? 0n
}

describe('a target that is dearer than what was asked for', () => {
  test('F7: has its own price held before it is asked, and nothing is held afterwards', async () => {
    const [little, much] = [await heldFor(cheap), await heldFor(dear)]
    expect(much).toBeGreaterThan(10n * little)
    const { send, heldAt, balanceOf } = await benchOf([team], [{ upstream: 'a' }, { upstream: 'b', model: dear }], { a: 529 })
    const { settlement, asked } = await send()
    expect([asked, heldAt.map(({ team: held }) => held)]).toEqual([
      ['a', 'b'],
      [little, much],
    ])
    expect(settlement).toMatchObject({ requestedModel: cheap, resolvedModel: dear, billedModel: dear })
    expect(await balanceOf('team')).toEqual({ spent: settlement.cost.nanoUsd, held: 0n })
  })

  test('F7: is left out as a fallback where the budget has no room for it, and the client gets the first one’s answer', async () => {
    const amount = (await heldFor(cheap)) * 2n
    const { send, balanceOf } = await benchOf([{ ...team, amount }], [{ upstream: 'a' }, { upstream: 'b', model: dear }], { a: 529 })
    const { settlement, sink, asked } = await send()
    expect([asked, sink.status]).toEqual([['a'], 529])
    expect(settlement.attempts).toMatchObject([
      { upstream: 'a', model: cheap, status: 529 },
      { upstream: 'b', model: dear, failure: 'not-allowed' },
    ])
    expect(await balanceOf('team')).toEqual({ spent: 0n, held: 0n })
  })

  test('F7: is refused by the budget where there is no other, and the next one that fits is asked where there is', async () => {
    const amount = (await heldFor(cheap)) * 2n
    const alone = await benchOf([{ ...team, amount }], [{ upstream: 'b', model: dear }])
    const refused = await alone.send()
    expect([refused.asked, refused.sink.status, headerValue(refused.sink.headers ?? [], 'x-sluice-error-code')]).toEqual([[], 429, 'budget-exceeded'])
    expect(refused.settlement.outcome).toMatchObject({ kind: 'refused' })
    expect(await alone.balanceOf('team')).toEqual({ spent: 0n, held: 0n })
    const other = await benchOf(
      [{ ...team, amount }],
      [
        { upstream: 'b', model: dear },
        { upstream: 'c', model: cheap },
      ],
    )
    expect(await other.send()).toMatchObject({ asked: ['c'], settlement: { status: 200, resolvedModel: cheap } })
  })

  test('F7: is counted by the budgets of its model, if it is the one that answers', async () => {
    const { send, heldAt, balanceOf } = await benchOf([team, ofDear], [{ upstream: 'a' }, { upstream: 'b', model: dear }], { a: 529 })
    const { settlement } = await send()
    expect([heldAt[0]?.['dear'], heldAt[1]?.['dear']]).toEqual([0n, await heldFor(dear)])
    expect([await balanceOf('team'), await balanceOf('dear')]).toEqual([
      { spent: settlement.cost.nanoUsd, held: 0n },
      { spent: settlement.cost.nanoUsd, held: 0n },
    ])
    const passed = await benchOf([ofDear], [{ upstream: 'a' }, { upstream: 'b', model: dear }, { upstream: 'c', model: cheap }], { a: 529, b: 529 })
    expect((await passed.send()).asked).toEqual(['a', 'b', 'c'])
    expect(await passed.balanceOf('dear')).toEqual({ spent: 0n, held: 0n })
  })

  test('F7: is left out where only the budget of its model is used up', async () => {
    const { send, balanceOf } = await benchOf([team, { ...ofDear, amount: 1n }], [{ upstream: 'a' }, { upstream: 'b', model: dear }], { a: 503 })
    const { asked, sink } = await send()
    expect([asked, sink.status]).toEqual([['a'], 503])
    expect([await balanceOf('team'), await balanceOf('dear')]).toEqual([
      { spent: 0n, held: 0n },
      { spent: 0n, held: 0n },
    ])
  })

  test('F7: holds the most that it can cost in a strict budget', async () => {
    const strict = { ...team, isStrict: true, amount: 1_000_000_000_000n }
    const { send, heldAt } = await benchOf([strict], [{ upstream: 'a' }, { upstream: 'b', model: dear }], { a: 529 })
    const { settlement } = await send()
    // At least the tokens of the whole body and of all the output, at the price of the dear one: 30 and 75 dollars a million.
    expect(heldAt[1]?.['team']).toBeGreaterThanOrEqual(BigInt(settlement.requestBytes) * 30_000n + 1_000n * 75_000n)
  })
})
