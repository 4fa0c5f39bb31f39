import { fc, test as property } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { policyBench, turn, type Ask } from '../../test/policy-bench.ts'
import type { PolicyShelf } from '../ports/policy-shelf.ts'
import { parseEntryJson, toEntryJson } from '../ledger/entry-json.ts'
import { sampleEntry } from '../testing/sample-entry.ts'
import type { Policy, PolicyRule } from './policy-document.ts'
import { publishPolicy, toPolicyDocument } from './policy-version.ts'
import { recallFromLedger } from './recall.ts'
import { recommendedPolicy } from './recommended-policy.ts'

const policy = (...rules: readonly (string | PolicyRule)[]): Policy => ({ version: 1, rules })
const toHaiku: PolicyRule = { name: 'haiku', do: { target: { model: 'claude-haiku-4-5' } } }
const session = 's1'

/** A shelf whose content a test sets. */
function shelfWith(): PolicyShelf & { set: (policy: unknown, version?: string) => Promise<string>; isOut: boolean; asked: number } {
  let current: Awaited<ReturnType<PolicyShelf['current']>>
  return {
    isOut: false,
    asked: 0,
    async set(given, version) {
      const document = await toPolicyDocument(given)
      current = { ...document, ...(version !== undefined && { version }) }
      return current.version
    },
    async current() {
      this.asked += 1
      if (this.isOut) throw new Error('out')
      return current
    },
    version: () => Promise.resolve(undefined),
    publish: () => Promise.reject(new Error('not here')),
    history: () => Promise.resolve([]),
  }
}

describe('the one-line rule', () => {
  const seed = policy('when input < 10k use claude-haiku-4-5 else claude-opus-5-5')

  it('sends a short request to haiku and everything else to opus', async () => {
    const { ask } = policyBench({ document: seed })
    const short = await ask({ json: { model: 'claude-opus-5-5', max_tokens: 512, messages: [{ role: 'user', content: 'name this' }] }, kind: 'title', session })
    expect(short.sentModel).toBe('claude-haiku-4-5')
    expect(short.route).toMatchObject({
      rule: 'rules[0]',
      action: 'target',
      requestedModel: 'claude-opus-5-5',
      target: { upstream: 'anthropic', model: 'claude-haiku-4-5' },
    })
    expect((await ask({ session })).sentModel).toBe('claude-opus-5-5')
  })

  it('is in the reply header and in the settlement under the version that decided', async () => {
    const { ask } = policyBench({ document: seed })
    const { version } = await toPolicyDocument(seed)
    const { sink, route, settlement } = await ask({ session })
    expect(version).toMatch(/^[0-9a-f]{16}$/)
    expect(route.policyVersion).toBe(version)
    expect(sink.headers).toContainEqual(['x-sluice-policy', version])
    expect(settlement.requestedModel).toBe('claude-opus-5-5')
  })
})

describe('a splice', () => {
  it('A11: requested and resolved model are kept apart, and the price is that of the model billed', async () => {
    const { ask } = policyBench({ document: policy(toHaiku) })
    const { settlement } = await ask({ session })
    expect(settlement).toMatchObject({ requestedModel: 'claude-opus-5-5', resolvedModel: 'claude-haiku-4-5', billedModel: 'claude-haiku-4-5' })
  })

  property.prop([fc.jsonValue(), fc.string(), fc.constantFrom('', ' ', '\n\t')])('touches only the bytes of the model', async (value, key, space) => {
    const { ask } = policyBench({ document: policy(toHaiku) })
    const other = JSON.stringify(key === 'model' ? 'x' : key)
    const body = `{${space}"n":1.0,"model"${space}:${space}"claude-opus-5-5",${other}:${JSON.stringify(value)},"big":12345678901234567890${space}}`
    if (['max_tokens', 'thinking', 'output_config', 'tools', 'messages', 'speed', 'inference_geo'].includes(key)) return
    const { sent } = await ask({ body })
    expect(sent).toBe(body.replace('"claude-opus-5-5"', '"claude-haiku-4-5"'))
  })
})

describe('a session', () => {
  it('D8: stays where it began when a rule would switch it every turn and the arithmetic says that it does not pay', async () => {
    const { ask } = policyBench({ document: policy('when turn >= 2 and new < 10k use claude-sonnet-5-5') })
    await ask({ session, json: turn(1) })
    for (let number = 2; number < 6; number += 1) {
      const { sentModel, route } = await ask({ session, json: turn(number) })
      expect(sentModel).toBe('claude-opus-5-5')
      expect(route.candidates).toMatchObject([{ model: 'claude-sonnet-5-5', verdict: 'does-not-pay' }])
      expect(route.isSticky).toBe(true)
      expect(route.arithmetic).toMatchObject({ from: 'claude-opus-5-5', to: 'claude-sonnet-5-5', isWorthIt: false })
      const { stayNanoUsd = 0n, switchNanoUsd = 0n } = route.arithmetic ?? {}
      expect(switchNanoUsd * 100n).toBeGreaterThan(stayNanoUsd * 95n)
    }
  })

  it('moves where the switch pays over the turns to come, and stays there', async () => {
    const { ask } = policyBench({ document: policy('when turn >= 3 use claude-haiku-5-5') })
    const models: unknown[] = []
    for (let number = 1; number < 6; number += 1) models.push((await ask({ session, json: turn(number) })).sentModel)
    expect(models).toEqual(['claude-opus-5-5', 'claude-opus-5-5', 'claude-haiku-5-5', 'claude-haiku-5-5', 'claude-haiku-5-5'])
  })

  it('may move when its cache has lapsed: then nothing is lost', async () => {
    const { ask, clock } = policyBench({ document: policy('when turn >= 3 use claude-sonnet-5-5') })
    await ask({ session, json: turn(1) })
    await ask({ session, json: turn(2) })
    expect((await ask({ session, json: turn(3) })).route.candidates).toMatchObject([{ verdict: 'does-not-pay' }])
    clock.advance(301_000)
    const { sentModel, route } = await ask({ session, json: turn(4) })
    expect(route.arithmetic).toMatchObject({ warmTokens: 0, isWorthIt: true })
    expect(sentModel).toBe('claude-sonnet-5-5')
  })

  it('E3: with signed thinking in its history is pinned to its model, whatever a switch would save and whatever the rule says', async () => {
    const { ask } = policyBench({ document: policy({ when: { turn: { atLeast: 2 } }, do: { target: { model: 'claude-haiku-5-5' } }, switch: 'always' }) })
    await ask({ session, json: turn(1) })
    const { sentModel, route } = await ask({ session, json: turn(2, {}, true) })
    expect(sentModel).toBe('claude-opus-5-5')
    expect(route.candidates).toEqual([
      { upstream: 'anthropic', model: 'claude-haiku-5-5', verdict: 'pinned', why: 'the history holds thinking; only claude-opus-5-5 may be sent it' },
    ])
    expect((await ask({ session, json: turn(3) })).sentModel).toBe('claude-haiku-5-5')
  })

  it('E3: under way when the gateway began, with signed thinking, is left where its client asks', async () => {
    const { ask } = policyBench({ document: policy(toHaiku) })
    const { sentModel, route } = await ask({ session, json: turn(4, {}, true) })
    expect(sentModel).toBe('claude-opus-5-5')
    expect(route.candidates).toMatchObject([{ verdict: 'pinned' }])
  })

  it('text that quotes a thinking block is not taken for one', async () => {
    const { ask } = policyBench({ document: policy('when turn >= 2 use claude-haiku-5-5') })
    await ask({ session, json: turn(1) })
    const quoted = turn(2, { metadata: { user_id: '"thinking"' } }) as { messages: object[] }
    quoted.messages.push({ role: 'user', content: JSON.stringify({ type: 'thinking', thinking: 'x', signature: 'y' }) })
    expect((await ask({ session, json: quoted })).sentModel).toBe('claude-haiku-5-5')
  })

  it('is told apart by tenant and by agent', async () => {
    const { ask } = policyBench({ document: policy({ when: { turn: { below: 2 } }, do: { target: { model: 'claude-haiku-4-5' } } }) })
    const ada = { keyId: 'k1', developer: 'ada' }
    expect((await ask({ session, principal: ada })).sentModel).toBe('claude-haiku-4-5')
    expect((await ask({ session, principal: { keyId: 'k2', developer: 'eve' }, json: turn(2, {}, true) })).sentModel).toBe('claude-opus-5-5')
    expect((await ask({ session, principal: ada, agent: 'a1', kind: 'sub-agent', json: turn(2, {}, true) })).sentModel).toBe('claude-opus-5-5')
    expect((await ask({ session, principal: ada, json: turn(2, {}, true) })).sentModel).toBe('claude-haiku-4-5')
  })

  it("follows its client's own change of model", async () => {
    const { ask } = policyBench({ document: policy({ when: { model: 'claude-opus-5-5' }, do: { target: { model: 'claude-haiku-4-5' } } }) })
    await ask({ session })
    const { sentModel, route } = await ask({ session, json: turn(2, { model: 'claude-sonnet-5-5' }, true) })
    expect(sentModel).toBe('claude-sonnet-5-5')
    expect(route.notes).toEqual(['the client went from claude-opus-5-5 to claude-sonnet-5-5'])
  })

  it('is recalled from the ledger after a restart', async () => {
    const entry = sampleEntry({
      resolvedModel: 'claude-haiku-4-5',
      attempts: [{ upstream: 'bedrock', startedAt: 1 }],
      attribution: { kind: { value: 'main', source: 'header' }, session: { value: session, source: 'header' }, tags: {} },
      principal: { keyId: 'k1', developer: 'ada' },
    })
    const recall = recallFromLedger({ exchanges: async () => [sampleEntry({ resolvedModel: 'claude-opus-5-5' }), entry] })
    const { ask } = policyBench({ document: policy(), recall })
    const { sentModel, route } = await ask({ session, principal: { keyId: 'k1', developer: 'ada' }, json: turn(2, {}, true) })
    expect([sentModel, route.target.upstream]).toEqual(['claude-haiku-4-5', 'bedrock'])
    expect((await ask({ session, principal: { keyId: 'k9', developer: 'eve' }, json: turn(2, {}, true) })).sentModel).toBe('claude-opus-5-5')
  })

  it('that its client does not name is routed by what its turns have in common', async () => {
    const { ask } = policyBench({
      document: policy('when input < 10k use claude-haiku-4-5', { when: { model: 'claude-opus-5-5' }, do: { target: { model: 'claude-sonnet-5-5' } } }),
    })
    expect((await ask({ kind: 'other' })).sentModel).toBe('claude-sonnet-5-5')
    expect((await ask({ kind: 'other', json: turn(3, {}, true) })).sentModel).toBe('claude-sonnet-5-5')
  })

  it('goes where its client asked when its target refuses its first request, and is not sent there again', async () => {
    const { ask, refuseNext } = policyBench({ document: policy(toHaiku) })
    refuseNext(404)
    expect((await ask({ session })).settlement.outcome.kind).toBe('failed')
    const { sentModel, route } = await ask({ session })
    expect(sentModel).toBe('claude-opus-5-5')
    expect(route.candidates).toMatchObject([{ verdict: 'not-accepted', why: 'it refused the first request of this session' }])
    expect((await ask({ session, json: turn(2) })).sentModel).toBe('claude-opus-5-5')
    expect((await ask({ session: 'other' })).sentModel).toBe('claude-haiku-4-5')
    refuseNext(400)
    await ask({ session: 'other', json: turn(2) })
    expect((await ask({ session: 'other', json: turn(2, {}, true) })).sentModel).toBe('claude-haiku-4-5')
  })

  it('is not recalled to an upstream that is gone', async () => {
    const { ask } = policyBench({ document: policy(), recall: async () => ({ upstream: 'gone', model: 'claude-haiku-4-5' }) })
    expect((await ask({ session, json: turn(2) })).route.target).toEqual({ upstream: 'anthropic', model: 'claude-opus-5-5' })
  })

  it('a body without a model is left to its upstream', async () => {
    const { ask } = policyBench({ document: policy(toHaiku) })
    const { sent } = await ask({ session, body: '{"messages":[]}' })
    expect(sent).toBe('{"messages":[]}')
  })

  it('memory is bounded: the least recently used sessions are forgotten', async () => {
    const { ask, router } = policyBench({ document: policy(toHaiku), conversations: 3 })
    for (let number = 0; number < 10; number += 1) await ask({ session: `s${number}` })
    expect(router.conversations()).toBe(3)
  })
})

describe('a request that a target cannot take', () => {
  const shaped = { ...turn(1), max_tokens: 128_000, thinking: { type: 'adaptive' }, output_config: { effort: 'medium', format: { type: 'x' } } }
  const whole = {
    ...shaped,
    messages: [
      { output_config: { effort: 'low' }, role: 'user', content: 'hi' },
      { role: 'system', content: '# Environment' },
    ],
  }

  it('is kept where the rule does not ask for adapting', async () => {
    const { ask } = policyBench({ document: policy(toHaiku) })
    const { sentModel, route } = await ask({ session, json: whole })
    expect(sentModel).toBe('claude-opus-5-5')
    expect(route.candidates).toMatchObject([{ model: 'claude-haiku-4-5', verdict: 'not-accepted', why: expect.stringContaining('clamp max_tokens to 64000') }])
  })

  it('is adapted by declared patches where it does, betas and fields together, and each is in the record', async () => {
    const { ask } = policyBench({ document: policy({ ...toHaiku, adapt: true }) })
    const headers = [['anthropic-beta', 'claude-code-20250219, effort-2025-11-24,per-turn-control-2026-07-01,new-2027-01-01']] as const
    const { sent, route, settlement, sentHeaders } = await ask({ session, json: whole, headers })
    expect(JSON.parse(sent)).toEqual({
      ...whole,
      model: 'claude-haiku-4-5',
      max_tokens: 64_000,
      thinking: { type: 'enabled', budget_tokens: 31_999 },
      output_config: { format: { type: 'x' } },
      messages: [
        { role: 'user', content: 'hi' },
        { role: 'user', content: '# Environment' },
      ],
    })
    expect(sentHeaders).toContainEqual(['anthropic-beta', 'claude-code-20250219,new-2027-01-01'])
    expect(route.notes).toEqual([
      'adapted: clamp max_tokens to 64000',
      'adapted: thinking as {"type":"enabled","budget_tokens":31999}',
      'adapted: drop output_config.effort',
      'adapted: drop output_config of messages',
      "adapted: fold messages of the system into the user's",
    ])
    expect(new Set(settlement.proof.patches.map(({ name }) => name)).size).toBe(6)
  })

  it('is kept where something stands in the way that nothing can adapt', async () => {
    const { ask } = policyBench({ document: policy({ ...toHaiku, adapt: true }) })
    const cases = [
      { ...turn(1), tools: [{ name: 'Bash', defer_loading: true }] },
      {
        ...turn(1),
        messages: [
          { role: 'user', content: 'x' },
          { role: 'assistant', content: 'y' },
          { role: 'system', content: 'z' },
          { role: 'user', content: 'x' },
        ],
      },
      { ...turn(1), thinking: { type: 'novel' } },
      { ...turn(1), messages: [{ role: 'user', content: 'word '.repeat(200_000) }] },
    ]
    for (const [index, json] of cases.entries()) {
      const { sentModel, route } = await ask({ session: `new ${index}`, json })
      expect([sentModel, route.candidates[0]?.verdict]).toEqual(['claude-opus-5-5', 'not-accepted'])
    }
  })

  it('R20: an adapted session is adapted in the same way when the table of capabilities is loaded anew', async () => {
    const shelf = shelfWith()
    await shelf.set(policy({ ...toHaiku, adapt: true }))
    const { ask, router } = policyBench({ shelf })
    await ask({ session, json: { ...turn(1), max_tokens: 128_000 } })
    await shelf.set({ version: 1, models: { 'claude-haiku-4-5': { maxTokens: 1_000 } }, rules: [{ ...toHaiku, adapt: true }] })
    await router.refresh()
    expect(JSON.parse((await ask({ session, json: { ...turn(2), max_tokens: 128_000 } })).sent)).toMatchObject({ max_tokens: 64_000 })
    expect(JSON.parse((await ask({ session: 'new', json: { ...turn(1), max_tokens: 128_000 } })).sent)).toMatchObject({ max_tokens: 1_000 })
  })

  it('D8: a session that has outgrown its target does not go back and forth at the end of its window; one that was compacted may go back', async () => {
    const { ask } = policyBench({ document: { version: 1, defaults: { adapt: true, switch: 'always' }, rules: ['use claude-haiku-4-5'] } })
    const of = (characters: number): object => ({ ...turn(2), system: 'x'.repeat(characters) })
    const went: string[] = []
    for (const length of [400_000, 900_000, 700_000, 600_000, 500_000, 700_000]) {
      const { sentModel, route } = await ask({ session: 's1', json: of(length) })
      went.push(sentModel === 'claude-haiku-4-5' ? 'haiku' : 'opus')
      if (went.length === 4)
        expect(route.candidates).toMatchObject([{ model: 'claude-haiku-4-5', verdict: 'not-accepted', why: 'the session has outgrown it' }])
    }
    expect(went).toEqual(['haiku', 'opus', 'opus', 'opus', 'opus', 'opus'])
    expect((await ask({ session: 's1', json: of(100_000) })).sentModel).toBe('claude-haiku-4-5')
  })

  it('a session that outgrows its target goes where its client asked', async () => {
    const { ask } = policyBench({ document: policy(toHaiku) })
    expect((await ask({ session })).sentModel).toBe('claude-haiku-4-5')
    const { sentModel, route } = await ask({ session, json: turn(2, { messages: [{ role: 'user', content: 'x'.repeat(900_000) }] }) })
    expect(sentModel).toBe('claude-opus-5-5')
    expect(route.notes[0]).toContain('cannot take this request any more')
  })
})

describe('actions', () => {
  it('deny refuses with the reason, and says so in the record', async () => {
    const { ask, upstream } = policyBench({ document: policy('when model is claude-opus-* deny "Use sonnet this week."') })
    const { settlement, route, sink } = await ask({ session })
    expect(upstream.calls).toHaveLength(0)
    expect(settlement).toMatchObject({ outcome: { kind: 'refused', error: { code: 'refused' } }, status: 403 })
    expect(sink.text()).toContain('Use sonnet this week.')
    expect(route).toMatchObject({ action: 'deny', rule: 'rules[0]' })
  })

  it('weights spread sessions and keep each, also when they change', async () => {
    const weighted = (opus: number, sonnet: number): Policy =>
      policy({
        do: {
          targets: [
            { model: 'claude-opus-5-5', weight: opus },
            { model: 'claude-sonnet-5-5', weight: sonnet },
          ],
        },
      })
    const shelf = shelfWith()
    await shelf.set(weighted(3, 1))
    const { ask, router } = policyBench({ shelf })
    const models = new Map<string, unknown>()
    for (let number = 0; number < 200; number += 1)
      models.set(`s${number}`, (await ask({ session: `s${number}`, json: { model: 'claude-opus-5-5', messages: [] } })).sentModel)
    const share = [...models.values()].filter((model) => model === 'claude-sonnet-5-5').length
    expect(share).toBeGreaterThan(30)
    expect(share).toBeLessThan(75)
    await shelf.set(weighted(1, 1_000))
    await router.refresh()
    for (const [name, model] of models) expect((await ask({ session: name, json: { model: 'claude-opus-5-5', messages: [] } })).sentModel).toBe(model)
  })

  it('a downgrade takes the first that is cheaper than what was asked for', async () => {
    const { ask } = policyBench({
      document: policy({
        when: { budget: 'used-up' },
        do: { downgrade: [{ model: 'claude-fable-5-2' }, { model: 'claude-sonnet-5-5' }, { model: 'claude-haiku-5-5' }] },
      }),
    })
    expect((await ask({ session: 'a', mustDowngrade: false })).sentModel).toBe('claude-opus-5-5')
    const { sentModel, route } = await ask({ session: 'b', mustDowngrade: true })
    expect(sentModel).toBe('claude-sonnet-5-5')
    expect(route.candidates.map(({ verdict }) => verdict)).toEqual(['not-cheaper', 'chosen'])
    expect((await ask({ session: 'c', mustDowngrade: true, json: turn(1, { model: 'claude-haiku-5-5' }) })).sentModel).toBe('claude-haiku-5-5')
  })

  it('F7: a key is bound to its models and upstreams for what its requests are turned into, too', async () => {
    const { ask } = policyBench({ document: policy({ do: { target: { model: 'claude-haiku-4-5', upstream: 'bedrock' } } }) })
    const bound = (restrictions: object) => ({ keyId: 'k', developer: 'ada', restrictions })
    expect((await ask({ session: 'a', principal: bound({ models: ['claude-opus-*'] }) })).sentModel).toBe('claude-opus-5-5')
    expect((await ask({ session: 'b', principal: bound({ upstreams: ['anthropic'] }) })).route.candidates).toMatchObject([
      { verdict: 'not-accepted', why: 'the key may not use it' },
    ])
    expect((await ask({ session: 'c', principal: bound({ models: ['claude-*'], upstreams: ['anthropic', 'bedrock'] }) })).route.target).toEqual({
      upstream: 'bedrock',
      model: 'claude-haiku-4-5',
    })
  })

  it('shadow rules are recorded and change nothing', async () => {
    const { ask } = policyBench({ document: policy({ ...toHaiku, shadow: true }) })
    const { sentModel, route } = await ask({ session })
    expect(sentModel).toBe('claude-opus-5-5')
    expect(route).toMatchObject({ action: 'none', shadow: { rule: 'haiku', action: 'target', target: { model: 'claude-haiku-4-5' } } })
  })

  it('what is no request of a model goes to the default upstream', async () => {
    const { ask, upstream } = policyBench({ document: { ...policy('deny "no"'), defaults: { upstream: 'eu' } } })
    await ask({ path: '/v1/files', json: { model: 'x' } })
    expect(upstream.calls[0]?.request.origin).toBe('https://eu.test')
  })
})

describe('the recommended policy', () => {
  it('sends side calls to a small model, leaves the main loop and its classifier, and those that bring signed thinking along', async () => {
    const { ask } = policyBench({ document: recommendedPolicy })
    const modelOf = async (asked: Ask) => (await ask(asked)).sentModel
    const small = { model: 'claude-opus-5-5', max_tokens: 512, messages: [{ role: 'user', content: 'name this' }] }
    expect(await modelOf({ session, json: turn(1) })).toBe('claude-opus-5-5')
    for (const kind of ['title', 'probe', 'web-search', 'hook', 'auxiliary'] as const)
      expect(await modelOf({ session, kind, json: small })).toBe('claude-haiku-5-5')
    expect(await modelOf({ session, kind: 'classifier', json: small })).toBe('claude-opus-5-5')
    expect(await modelOf({ session, kind: 'auxiliary', json: turn(2, {}, true) })).toBe('claude-opus-5-5')
    expect(await modelOf({ session, kind: 'sub-agent', agent: 'a1', agentType: 'Explore', json: turn(1) })).toBe('claude-haiku-5-5')
    expect(await modelOf({ session, kind: 'sub-agent', agent: 'a2', agentType: 'general-purpose', json: turn(1) })).toBe('claude-opus-5-5')
    expect(await modelOf({ session, json: turn(2, {}, true) })).toBe('claude-opus-5-5')
  })
})

describe('the policy in force', () => {
  it('E4, R20: a reload applies to new sessions; those under way keep their model to the end, and see no other prefix', async () => {
    const shelf = shelfWith()
    const first = await shelf.set(policy(toHaiku))
    const { ask, clock, router } = policyBench({ shelf })
    await ask({ session, json: turn(1) })
    const second = await shelf.set(policy('use claude-sonnet-5-5'))
    clock.advance(4_000)
    expect((await ask({ session: 'other' })).route.policyVersion).toBe(first)
    clock.advance(2_000)
    await ask({ session: 'third' })
    await expect.poll(() => router.inForce()?.version).toBe(second)
    const late = await ask({ session, json: turn(2, {}, true) })
    expect([late.sentModel, late.route.policyVersion]).toEqual(['claude-haiku-4-5', second])
    expect((await ask({ session: 'fourth' })).sentModel).toBe('claude-sonnet-5-5')
  })

  it('stays when a document is not valid, and the operator is told once why', async () => {
    const shelf = shelfWith()
    const good = await shelf.set(policy(toHaiku))
    const { ask, router, faults, clock } = policyBench({ shelf })
    await ask({ session: 'a' })
    await shelf.set({ version: 1, rules: [{ do: { target: { upstream: 'mars' } } }] })
    for (let number = 0; number < 5; number += 1) {
      await router.refresh()
      clock.advance(6_000)
      expect((await ask({ session: `b${number}` })).route.policyVersion).toBe(good)
    }
    expect(faults).toMatchObject([{ code: 'policy-invalid', message: expect.stringContaining('policy.rules[0].do.target.upstream: "mars" is not configured') }])
    await shelf.set(policy(), 'f'.repeat(16))
    await router.refresh()
    expect(faults[1]?.message).toContain('it was changed where it is kept')
  })

  it('stays through an outage of the shelf; where none was ever known nothing is sent', async () => {
    const shelf = shelfWith()
    shelf.isOut = true
    const { ask, faults, router, upstream } = policyBench({ shelf })
    expect((await ask({ session })).settlement).toMatchObject({ status: 503, outcome: { error: { code: 'policy-unavailable' } } })
    expect(upstream.calls).toHaveLength(0)
    shelf.isOut = false
    await shelf.set(policy(toHaiku))
    await router.refresh()
    expect((await ask({ session })).sentModel).toBe('claude-haiku-4-5')
    shelf.isOut = true
    await router.refresh()
    expect((await ask({ session: 'b' })).sentModel).toBe('claude-haiku-4-5')
    expect(faults.map(({ code }) => code)).toEqual(['policy-shelf-failed', 'policy-shelf-recovered', 'policy-shelf-failed'])
  })

  it('asks the shelf at most every five seconds, however many exchanges there are', async () => {
    const shelf = shelfWith()
    await shelf.set(policy())
    const { ask, clock } = policyBench({ shelf })
    for (let number = 0; number < 40; number += 1) {
      await ask({ session })
      clock.advance(500)
    }
    expect(shelf.asked).toBe(4)
  })

  it('an empty shelf leaves everything as it is', async () => {
    const { ask } = policyBench({ shelf: shelfWith() })
    const { sentModel, route } = await ask({ session })
    expect([sentModel, route.action]).toEqual(['claude-opus-5-5', 'none'])
  })

  it('an invalid policy is not published', async () => {
    const shelf = shelfWith()
    const bad = { version: 1, rules: ['when'] } as const
    await expect(publishPolicy({ shelf, policy: bad, expected: undefined, at: 1, actor: 'cli' })).rejects.toThrow('policy.rules[0]')
  })
})

const anyPolicy: fc.Arbitrary<Policy> = fc.record({
  version: fc.constant(1 as const),
  defaults: fc.record({ adapt: fc.boolean(), switch: fc.constantFrom('always' as const, 'when-it-pays' as const) }),
  models: fc.record({ 'claude-haiku-4-5': fc.record({ systemMessages: fc.boolean(), turnEffort: fc.boolean() }) }),
  rules: fc.array(
    fc.constantFrom(
      'use claude-haiku-4-5',
      'use claude-sonnet-5-5 at bedrock',
      'when new < 10k use claude-haiku-5-5',
      'when turn >= 2 use claude-haiku-5-5 else claude-haiku-4-5',
      'keep',
      'when input < 50k use claude-fable-5-2',
    ),
    { maxLength: 3 },
  ),
})

/** A turn of the newest shape, which older models take only adapted. */
function newestTurn(number: number): object {
  const made = turn(number, {}, true) as { messages: object[] }
  const [first, ...rest] = made.messages
  return { ...made, messages: [{ ...first, output_config: { effort: 'low' } }, { role: 'system', content: '# Environment' }, ...rest] }
}

property.prop([fc.array(anyPolicy, { minLength: 2, maxLength: 6 })], { numRuns: 60 })(
  'E4, R20: stickiness never breaks across reloads: a session with signed thinking has one model, and an upstream that binds the whole prefix never sees another one',
  async (policies) => {
    const shelf = shelfWith()
    const { ask, router } = policyBench({ shelf })
    const models = new Set<unknown>()
    const versions: unknown[] = []
    let before: { readonly messages: readonly unknown[]; readonly system: unknown; readonly tools: unknown } | undefined
    for (const [index, given] of policies.entries()) {
      await shelf.set(given)
      await router.refresh()
      const { sent, sentModel, route } = await ask({ session, json: newestTurn(index + 1) })
      models.add(sentModel)
      versions.push(route.policyVersion)
      const now = JSON.parse(sent) as NonNullable<typeof before>
      if (before !== undefined)
        expect([now.messages.slice(0, before.messages.length), now.system, now.tools]).toEqual([before.messages, before.system, before.tools])
      before = now
    }
    expect(models.size).toBe(1)
    expect(versions).toEqual(await Promise.all(policies.map(async (given) => (await toPolicyDocument(given)).version)))
  },
)

it('the record goes through JSON with its money exact', async () => {
  const { ask } = policyBench({ document: policy('when turn >= 2 use claude-haiku-4-5') })
  await ask({ session, json: turn(1) })
  const { route } = await ask({ session, json: turn(2) })
  expect(route.arithmetic?.stayNanoUsd).toBeTypeOf('bigint')
  const entry = { ...sampleEntry(), route }
  expect(parseEntryJson(toEntryJson(entry))).toEqual(entry)
  const without = sampleEntry()
  expect(parseEntryJson(toEntryJson(without))).toEqual(without)
})
