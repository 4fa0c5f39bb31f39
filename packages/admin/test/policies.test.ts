import { pricing } from '@sluice/core'
import { sampleEntry } from '@sluice/core/testing'
import { describe, expect, test } from 'vitest'
import type { CurrentPolicyJson, ExplainJson, PolicyDiffJson, PublishedJson, WhatIfJson } from '../src/index.ts'
import { firstRules, firstVersions, newWorld, type TestAnswer, type World } from './world.ts'

const [, inForce = ''] = firstVersions
const titles = { version: 1, rules: [{ name: 'titles', when: { kind: 'title' }, do: { target: { model: 'claude-haiku-5-5' } } }] }
const publish = (body: object): { method: string; path: string; body: object } => ({ method: 'POST', path: 'policy', body })
const messageOf = ({ body }: TestAnswer): string => (body['error'] as { message: string }).message

describe('a policy is published', () => {
  test('in place of the one that is expected, and is then what the API shows, in history and audit log with who, before, after and why', async () => {
    const { call, stores } = await newWorld()
    const answer = await call(publish({ policy: titles, expected: inForce, reason: 'cheaper titles' }))
    expect([answer.status, answer.body]).toMatchObject([
      200,
      { kind: 'published', publication: { sequence: 3, previousVersion: inForce, actor: 'admin-free' } },
    ])
    const { version } = (answer.body as unknown as PublishedJson).publication
    expect((await call({ method: 'GET', path: 'policy' })).body as unknown as CurrentPolicyJson).toMatchObject({ version, policy: titles })
    expect((await call({ method: 'GET', path: `policy/versions/${inForce}` })).body['policy']).toEqual({ version: 1, rules: [firstRules[1]] })
    const first = await call({ method: 'GET', path: 'policy/history?limit=2' })
    expect(first.body).toMatchObject({ publications: [{ sequence: 3, reason: 'cheaper titles' }, { sequence: 2 }], next: '2' })
    expect((await call({ method: 'GET', path: 'policy/history?after=2' })).body).toMatchObject({
      publications: [{ sequence: 1, previousVersion: null }],
      next: null,
    })
    const record = (await stores.audit.read({})).at(-1)
    expect(record).toMatchObject({ actor: 'admin-free', action: 'policy.publish', subject: 'policy', reason: 'cheaper titles' })
    expect(JSON.parse(record?.content ?? '')).toEqual({
      before: { version: inForce, policy: { version: 1, rules: [firstRules[1]] } },
      after: { version, policy: titles },
    })
  })

  test('of two who publish at once one is told of the other, by the version that is in force', async () => {
    const { call, stores } = await newWorld()
    const other = { ...titles, name: 'other' }
    const answers = await Promise.all([call(publish({ policy: titles, expected: inForce })), call(publish({ policy: other, expected: inForce }))])
    expect(answers.map(({ status }) => status).toSorted((left, right) => left - right)).toEqual([200, 409])
    const winner = (await stores.policies.current())?.version ?? ''
    expect(messageOf(answers.find(({ status }) => status === 409) as TestAnswer)).toContain(`version ${winner} is in force`)
    // The loser of a race that both had entered is recorded as having failed.
    expect((await stores.audit.read({})).map(({ action }) => action)).toEqual(['policy.publish', 'policy.publish', 'policy.publish.failed'])
  })

  test('who knows of another version, or of none, is refused, and no record is written', async () => {
    const { call, stores } = await newWorld()
    for (const expected of [firstVersions[0], null]) {
      const answer = await call(publish({ policy: titles, expected }))
      expect([answer.status, messageOf(answer)]).toEqual([409, expect.stringContaining(inForce)])
    }
    expect(await stores.audit.read({})).toEqual([])
    expect((await call(publish({ policy: titles }))).status).toBe(400)
  })

  test('again, after an answer that was lost: it is unchanged, and recorded once', async () => {
    const { call, stores } = await newWorld()
    await call(publish({ policy: titles, expected: inForce }))
    const again = await call(publish({ policy: titles, expected: inForce }))
    expect([again.status, again.body['kind']]).toEqual([200, 'unchanged'])
    const keyed = { ...publish({ policy: { version: 1, rules: ['keep'] }, expected: await current({ call }) }), headers: { 'idempotency-key': 'k1' } }
    const answers = [await call(keyed), await call(keyed)]
    expect(answers[0]?.text).toBe(answers[1]?.text)
    expect(await stores.audit.read({})).toHaveLength(2)
  })

  test.each([
    ['an unknown field', { ...titles, ruels: [] }, 'policy.ruels'],
    ['a rule that cannot be read', { version: 1, rules: ['keep', 'when input > 10k use x'] }, 'policy.rules[1]'],
    ['a class that is not there', { version: 1, rules: ['when model is @dear keep'] }, 'policy.rules[0].when'],
    ['an upstream that is not configured', { version: 1, rules: ['use upstream nowhere'] }, 'policy.rules[0].do.target.upstream'],
    ['a policy that is none', [], 'policy'],
  ])('but not where it has %s: the answer names the place, and the old one stays in force', async (_, policy, place) => {
    const world = await newWorld({ upstreams: ['anthropic'] })
    const answers = [await world.call(publish({ policy, expected: inForce })), await world.call({ method: 'POST', path: 'policy/validate', body: { policy } })]
    for (const answer of answers) expect([answer.status, messageOf(answer)]).toEqual([400, expect.stringContaining(place)])
    expect([await current(world), await world.stores.audit.read({})]).toEqual([inForce, []])
  })

  test('the gateway is told; where it cannot fetch the policy at once, the operator hears of it and the publication stands', async () => {
    let told = 0
    const { call, failures } = await newWorld({
      onPolicyPublished: () => {
        told += 1
        throw new Error('busy')
      },
    })
    expect((await call(publish({ policy: titles, expected: inForce }))).status).toBe(200)
    expect([told, failures]).toEqual([1, ['a policy was published, and the gateway has not fetched it yet']])
  })
})

describe('a policy is looked at', () => {
  test('rolled back: the old version is in force again, with its own record', async () => {
    const { call, stores } = await newWorld()
    const back = { method: 'POST', path: 'policy/rollback' }
    expect((await call({ ...back, body: { version: firstVersions[0], expected: inForce, reason: 'too slow' } })).body).toMatchObject({
      kind: 'published',
      publication: { sequence: 3, version: firstVersions[0] },
    })
    expect((await stores.audit.read({})).map(({ action, reason }) => [action, reason])).toEqual([['policy.rollback', 'too slow']])
    expect((await call({ ...back, body: { version: '0000000000000000', expected: firstVersions[0] } })).status).toBe(404)
  })

  test('compared: with the one in force, between versions, and with a document', async () => {
    const { call } = await newWorld()
    const diff = async (body: object): Promise<PolicyDiffJson> => (await call({ method: 'POST', path: 'policy/diff', body })).body as unknown as PolicyDiffJson
    expect(await diff({ policy: titles })).toMatchObject({ from: inForce, changes: [{ kind: 'removed' }, { kind: 'added', path: 'rules "titles"' }] })
    expect(await diff({ version: inForce })).toMatchObject({ from: inForce, to: inForce, changes: [] })
    expect(await diff({ version: inForce, against: firstVersions[0] })).toMatchObject({
      from: firstVersions[0],
      changes: [{ kind: 'removed' }, { kind: 'added' }],
    })
    expect((await call({ method: 'POST', path: 'policy/diff', body: {} })).status).toBe(400)
  })

  test('a gateway that keeps no policies says so', async () => {
    const { call, stores } = await newWorld()
    delete (stores as { policies?: unknown }).policies
    for (const path of ['policy', 'policy/history', `policy/versions/${inForce}`])
      expect(messageOf(await call({ method: 'GET', path }))).toContain('This gateway keeps no policies')
  })
})

describe('an exchange is explained', () => {
  test('by its rule, its targets, the arithmetic, the attempts and its models', async () => {
    const { call, stores } = await newWorld()
    await stores.ledger.append(
      sampleEntry({
        exchangeId: 'ex_routed',
        requestedModel: 'claude-opus-5-5',
        resolvedModel: 'claude-opus-5-5',
        billedModel: 'claude-opus-5-5',
        route: {
          policyVersion: inForce,
          rule: 'rules[0]',
          action: 'target',
          requestedModel: 'claude-opus-5-5',
          target: { upstream: 'anthropic', model: 'claude-opus-5-5' },
          candidates: [{ upstream: 'anthropic', model: 'claude-haiku-5-5', verdict: 'does-not-pay' }],
          arithmetic: {
            from: 'claude-opus-5-5',
            to: 'claude-haiku-5-5',
            promptTokens: 90_000,
            warmTokens: 89_000,
            outputTokens: 300,
            growthTokens: 1_000,
            remainingTurns: 4,
            tokensPerThousand: 1_000,
            stayNanoUsd: 90_000_000n,
            switchNanoUsd: 91_500_000n,
            isWorthIt: false,
            priceVersion: 'p1',
          },
          isSticky: true,
          notes: ['adapted: thinking'],
        },
      }),
    )
    const { body } = await call({ method: 'GET', path: 'explain/ex_routed' })
    const { why, rule, exchange } = body as unknown as ExplainJson
    expect(rule).toBe(firstRules[1])
    expect(why.join('\n')).toMatch(
      /^The rule "rules\[0\]" of policy [0-9a-f]{16} matched[^]*claude-haiku-5-5 at anthropic was not taken, as the switch does not pay\.[^]*90000 tokens, 89000 of them in the cache[^]*costs \$0\.090000000, going to claude-haiku-5-5 costs \$0\.091500000: the switch costs \$0\.001500000 more\.[^]*Adapted: thinking\.[^]*Attempt 1: anthropic, 200 after 400 ms\.\nAsked for claude-opus-5-5, sent as claude-opus-5-5, billed as claude-opus-5-5/,
    )
    expect(exchange.route?.arithmetic).toMatchObject({ stayNanoUsd: '90000000', isWorthIt: false })
    expect((await call({ method: 'GET', path: 'explain/ex_ada' })).body).toMatchObject({ rule: null, exchange: { route: null } })
  })
})

describe('what if', () => {
  const turns = (count: number, at: (turn: number) => number, developer = 'ada'): readonly ReturnType<typeof sampleEntry>[] =>
    Array.from({ length: count }, (_, turn) =>
      sampleEntry({
        startedAt: at(turn),
        endedAt: at(turn) + 1_000,
        requestedModel: 'claude-opus-5-5',
        labels: { session: 's', developer, kind: turn === 0 ? 'title' : 'main' },
        parts: [{ outputTokens: 1_000, cacheReadTokens: turn === 0 ? 0 : 1_000, costNanoUsd: 20_000_000n }],
        principal: {
          keyId: 'k',
          developer,
          scopes: [
            { path: 'acme', level: 'organisation' },
            { path: 'acme/web', level: 'business-unit' },
          ],
        },
      }),
    )
  const start = Date.UTC(2026, 11, 1)
  const ask = async ({ call }: Pick<World, 'call'>, body: object): Promise<WhatIfJson> => {
    const answer = await call({ method: 'POST', path: 'what-if', body: { since: '2026-12-01', ...body } })
    expect([answer.status, answer.text]).toEqual([200, answer.text])
    return answer.body as unknown as WhatIfJson
  }

  test('a cap had stopped somebody: whom, when, and what that would have saved', async () => {
    const world = await newWorld()
    for (const entry of turns(8, (turn) => start + turn * 60_000)) await world.stores.ledger.append(entry)
    const budgets = [{ name: 'web', subject: { scope: 'acme/web' }, amount: '100000000', window: { kind: 'day' }, thresholds: [80], hardPercent: 110 }]
    const found = await ask(world, { budgets, groupBy: 'developer' })
    expect(found).toMatchObject({
      exchanges: 8,
      isWhole: true,
      firstAt: '2026-12-01T00:00:00.000Z',
      recordedNanoUsd: '160000000',
      projectedNanoUsd: '100000000',
      byGroup: [{ group: 'ada', exchanges: 8, recordedNanoUsd: '160000000', projectedNanoUsd: '100000000' }],
      byScope: [{ group: 'acme/web' }],
      blocked: [{ name: 'web', firstAt: '2026-12-01T00:05:00.000Z', exchanges: 3, sessions: 1, costNanoUsd: '60000000' }],
      thresholds: [{ name: 'web', percent: 80, at: '2026-12-01T00:03:00.000Z' }],
    })
    expect(found.assumptions.length).toBeGreaterThan(1)
  })

  test('by hour and day, by the clocks of the gateway or of the zone asked for, in their order', async () => {
    const world = await newWorld()
    const at = Date.UTC(2026, 10, 30, 22, 30)
    for (const entry of turns(4, (turn) => at + turn * 3_600_000)) await world.stores.ledger.append(entry)
    const groups = async (body: object): Promise<readonly (readonly [string | null, number])[]> =>
      (await ask(world, { policy: titles, since: '2026-11-30', ...body })).byGroup.map(({ group, exchanges }) => [group, exchanges])
    expect(await groups({ groupBy: 'day' })).toEqual([
      ['2026-11-30', 2],
      ['2026-12-01', 2],
    ])
    expect(await groups({ groupBy: 'day', timeZone: 'Europe/Berlin' })).toEqual([
      ['2026-11-30', 1],
      ['2026-12-01', 3],
    ])
    expect((await groups({ groupBy: 'hour', timeZone: 'Asia/Tokyo' })).map(([group]) => group)).toEqual([
      '2026-12-01T07',
      '2026-12-01T08',
      '2026-12-01T09',
      '2026-12-01T10',
    ])
  })

  test('another policy, priced by the gateway; another price list; and only what the question is about', async () => {
    const world = await newWorld({ pricing: pricing({ contractMultiplier: '0.5' }) })
    for (const entry of [...turns(3, (turn) => start + turn * 60_000), ...turns(1, () => start, 'bob')]) await world.stores.ledger.append(entry)
    const policy = await ask(world, { policy: titles, where: ['developer=ada'] })
    // Half of the list: a title on haiku-5-5 at $0.25 a million, and two turns on opus-5-5 at $10 and $0.1 for what they read.
    expect(policy).toMatchObject({ exchanges: 3, moved: 1, projectedNanoUsd: String(250_000n + 2n * (10_000_000n + 100_000n)) })
    const prices = { models: [{ models: ['claude-opus-5-5'], usdPerMillion: { input: 4, output: 1, cacheWrite5m: 5, cacheWrite1h: 8, cacheRead: 0 } }] }
    expect(await ask(world, { prices, where: ['developer=bob'] })).toMatchObject({ exchanges: 1, projectedNanoUsd: '1000000' })
  })

  test.each([
    ['nothing', {}, 'Say what is to be different'],
    ['a policy that is not valid', { policy: { version: 2, rules: [] } }, 'policy.version'],
    ['models, which the answer has anyway', { policy: titles, groupBy: 'model' }, 'groupBy: what-if has no model'],
    ['a zone that nobody knows', { policy: titles, timeZone: 'Mars/Olympus' }, 'timeZone: "Mars/Olympus" is not known'],
    ['one budget twice', { budgets: [1, 2].map(() => ({ subject: { scope: 'a' }, amount: '1', window: { kind: 'day' } })) }, 'is there twice'],
    ['a budget of nobody', { budgets: [{ subject: {}, amount: '1', window: { kind: 'day' } }] }, 'budgets.0.subject'],
    [
      'a price below zero',
      { prices: { models: [{ models: ['x'], usdPerMillion: { input: -1, output: 1, cacheWrite5m: 1, cacheWrite1h: 1, cacheRead: 1 } }] } },
      'prices.models.0',
    ],
  ])('%s is refused with its place', async (_, body, message) => {
    const { call } = await newWorld()
    const answer = await call({ method: 'POST', path: 'what-if', body })
    expect([answer.status, messageOf(answer)]).toEqual([400, expect.stringContaining(message)])
  })
})

test('D9: cache health names the session whose cache stopped working, since when, and the money lost; a healthy one has no alarm', async () => {
  const { call, stores } = await newWorld()
  const at = Date.UTC(2026, 11, 1)
  for (const session of ['broken', 'healthy'])
    for (let turn = 0; turn < 6; turn += 1)
      await stores.ledger.append(
        sampleEntry({
          startedAt: at + turn * 60_000,
          endedAt: at + turn * 60_000 + 1_000,
          labels: { session },
          parts: [session === 'broken' || turn === 0 ? { cacheWrite5mTokens: 20_000 } : { cacheReadTokens: 20_000, cacheWrite5mTokens: 100 }],
        }),
      )
  const { body } = await call({ method: 'GET', path: 'chargeback/cache-health?since=2026-12-01' })
  expect(body).toMatchObject({
    alarms: 1,
    lostNanoUsd: String(100_000n * 4_800n),
    worstSessions: [
      { session: 'broken', hitRate: 0, missedTurns: 6, missedInARow: 6, lostTokens: 100_000, alarm: { at: '2026-12-01T00:02:01.000Z', turns: 3 } },
      { session: 'healthy', missedTurns: 1, lostTokens: 0, lostNanoUsd: '0', alarm: null },
    ],
  })
})

async function current({ call }: Pick<World, 'call'>): Promise<unknown> {
  return (await call({ method: 'GET', path: 'policy' })).body['version']
}
