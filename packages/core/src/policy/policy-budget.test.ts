import { memoryBudgetBook } from '@sluice/storage-memory'
import { describe, expect, it } from 'vitest'
import { checkBudget, type BudgetInput } from '../budget/check-budget.ts'
import type { Attribution } from '../entry/attribution.ts'
import type { Settlement } from '../entry/settlement.ts'
import { createGateway } from '../gateway.ts'
import { budget } from '../middleware/budget.ts'
import { swapCredential } from '../route/upstream-credential.ts'
import { clientRequest } from '../testing/client-request.ts'
import { collectingSink } from '../testing/collecting-sink.ts'
import { manualClock } from '../testing/manual-clock.ts'
import { scriptedTransport } from '../testing/scripted-transport.ts'
import { toText } from '../wire/bytes.ts'
import type { Policy } from './policy-document.ts'
import { policyRouter } from './policy-router.ts'

const asked = 'claude-opus-5-5'
const cascade: Policy = {
  version: 1,
  rules: [
    {
      name: 'used-up',
      when: { budget: 'used-up' },
      do: { downgrade: [{ model: 'claude-opus-4-7' }, { model: 'claude-sonnet-5-5' }, { model: 'claude-haiku-5-5' }] },
    },
    { name: 'otherwise', do: { keep: true } },
  ],
}
const pot: BudgetInput = {
  id: 'team',
  unit: 'nano-usd',
  amount: 350_000_000n,
  hardPercent: 1_000,
  action: 'downgrade',
  window: { kind: 'total' },
  subject: { scope: 'acme' },
  createdAt: 0,
}

/** A gateway with a budget and a policy, and an upstream that bills 10,000 tokens of output of whatever model it is sent. */
async function benchOf(input: BudgetInput, document: Policy) {
  const clock = manualClock()
  const book = memoryBudgetBook()
  await book.define(checkBudget(input))
  const transport = scriptedTransport(({ body }) => {
    const { model } = JSON.parse(body.map((chunk) => toText(chunk)).join('')) as { readonly model: string }
    const usage = { input_tokens: 1_000, output_tokens: 10_000 }
    const message = { id: 'msg_1', type: 'message', role: 'assistant', model, content: [], stop_reason: 'end_turn', usage }
    return { headers: [['content-type', 'application/json']], body: [JSON.stringify(message)] }
  })
  let session = ''
  const gateway = createGateway({
    runtime: { transport },
    upstreams: [{ name: 'a', baseUrl: 'https://a.test', credential: swapCredential('k') }],
    host: { clock },
  })
    .use({
      name: 'say-whose',
      handle: (_exchange, next) => {
        const attribution: Attribution = { kind: { value: 'main', source: 'header' }, session: { value: session, source: 'header' }, tags: {} }
        return next({ attribution, principal: { keyId: 'k', developer: 'ada', scopes: [{ path: 'acme', level: 'organisation' as const }] } })
      },
    })
    .use(budget(book, { clock }))
    .route(policyRouter({ upstream: 'a', document, clock }))
  return async (name: string, turn = 1): Promise<Settlement & { readonly sentModel: string | undefined }> => {
    session = name
    const messages = Array.from({ length: turn * 2 - 1 }, (_, index) => ({
      role: index % 2 === 0 ? 'user' : 'assistant',
      content: `${name} ${index} ${'x'.repeat(4_000)}`,
    }))
    const settlement = await gateway.handle(clientRequest({ json: { model: asked, max_tokens: 1_000, messages } }), collectingSink())
    if (settlement === undefined) throw new Error('answered locally')
    return { ...settlement, sentModel: settlement.resolvedModel }
  }
}

describe('a budget whose action is downgrade', () => {
  it('moves new conversations down the cascade once it is used up, to the first that is cheaper, and no conversation that it does not pay to move', async () => {
    const send = await benchOf(pot, cascade)
    expect((await send('early')).sentModel).toBe(asked)
    expect((await send('early', 2)).sentModel).toBe(asked)
    // 20 dollars a million: two replies of 10,000 tokens are 40 cents, and more than the 35.
    const late = await send('late')
    expect(late.route).toMatchObject({
      rule: 'used-up',
      action: 'downgrade',
      requestedModel: asked,
      candidates: [
        { model: 'claude-opus-4-7', verdict: 'not-cheaper' },
        { model: 'claude-sonnet-5-5', verdict: 'chosen' },
      ],
    })
    expect([late.sentModel, late.billedModel, late.outcome.kind]).toEqual(['claude-sonnet-5-5', 'claude-sonnet-5-5', 'completed'])
    expect((await send('late', 2)).sentModel).toBe('claude-sonnet-5-5')
    const { route, sentModel } = await send('early', 3)
    expect([route?.rule, sentModel !== asked]).toEqual(['used-up', route?.arithmetic?.isWorthIt])
  })

  it('changes nothing where no rule reacts to it, and nothing before it is used up', async () => {
    const plain = await benchOf(pot, { version: 1, rules: [] })
    for (const session of ['one', 'two', 'three']) expect((await plain(session)).sentModel).toBe(asked)
    const roomy = await benchOf({ ...pot, amount: 1_000_000_000_000n }, cascade)
    for (const session of ['one', 'two', 'three']) expect((await roomy(session)).sentModel).toBe(asked)
  })

  it('only watches in a shadow rule: the record says what would have been done, and nothing is', async () => {
    const shadowed: Policy = { version: 1, rules: [{ ...(cascade.rules[0] as object), shadow: true } as Policy['rules'][number], { do: { keep: true } }] }
    const send = await benchOf(pot, shadowed)
    await send('early')
    await send('early', 2)
    const late = await send('late')
    expect([late.sentModel, late.route?.action]).toEqual([asked, 'keep'])
    expect(late.route?.shadow).toEqual({ rule: 'used-up', action: 'downgrade', target: { upstream: 'a', model: 'claude-sonnet-5-5' } })
  })

  it('F7: is refused at its hard line all the same, whatever it is turned into', async () => {
    const send = await benchOf({ ...pot, amount: 200_000_000n, hardPercent: 100 }, cascade)
    await send('early')
    const late = await send('late')
    expect([late.outcome, late.attempts]).toEqual([{ kind: 'refused', error: { origin: 'gateway', code: 'budget-exceeded' } }, []])
  })
})
