import type { CurrentPolicyJson, ExchangeJson, ExplainJson, PolicyDiffJson, PublicationJson, PublishedJson, WhatIfJson } from '@sluice/admin'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ask, sluice, startGateway, until, type Finished, type Gateway } from './sluice.ts'

const timeout = 120_000
const token = 'admin-token-CANARY-0123456789'
const famous = 'when input < 10k use claude-haiku-4-5 else claude-opus-5-5'
const directory = mkdtempSync(join(tmpdir(), 'sluice-policy-'))
let gateway: Gateway

beforeAll(async () => {
  gateway = await startGateway(['--rehearse', '--admin-token', token])
}, timeout)
afterAll(async () => {
  await gateway.stop()
  rmSync(directory, { recursive: true })
})

const run = (...args: readonly string[]): Promise<Finished> => sluice([...args, '--url', gateway.url, '--admin-token', token], { cwd: directory })
async function json<Value>(...args: readonly string[]): Promise<Value> {
  const { code, stdout, stderr } = await run(...args, '--json')
  expect([args, code, stderr]).toEqual([args, 0, ''])
  return JSON.parse(stdout) as Value
}

/** A turn of Claude Code's main loop, with a system prompt that is long enough to be cached. */
async function turn(session: string, opening: string, number: number): Promise<void> {
  const reply = await fetch(`${gateway.url}/v1/messages`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'anthropic-version': '2023-06-01',
      'x-api-key': 'any',
      'x-claude-code-session-id': session,
      'x-claude-code-request-class': 'main',
      'x-rehearsal-scenario': 'text',
    },
    body: JSON.stringify({
      model: 'claude-opus-5-5',
      max_tokens: 100,
      system: [{ type: 'text', text: `${opening} ${'a long prompt that is worth a cache '.repeat(800)}`, cache_control: { type: 'ephemeral' } }],
      tools: [{ name: 'Read', description: 'reads', input_schema: { type: 'object' } }],
      messages: [{ role: 'user', content: `question ${number}` }],
    }),
  })
  expect([reply.status, await reply.text()]).toMatchObject([200, expect.any(String) as string])
}

describe('a policy is published with the command', () => {
  test('the one-line rule: published, seen in a decision, explained, and rolled back', { timeout }, async () => {
    expect((await run('policy', 'show')).stdout).toContain('No policy is in force')
    const first = await json<PublishedJson>('policy', 'publish', '--rule', famous, '--reason', 'the famous rule')
    expect(first).toMatchObject({ kind: 'published', publication: { sequence: 1, reason: 'the famous rule', actor: 'admin' } })
    const { version } = first.publication
    const reply = await ask(gateway.url, 'hello')
    await reply.text()
    expect(reply.headers.get('x-sluice-policy')).toBe(version)

    await expect.poll(() => json<readonly object[]>('exchanges'), { timeout: 20_000 }).toHaveLength(1)
    const [exchange] = await json<readonly ExchangeJson[]>('exchanges', '--limit', '1')
    expect(exchange).toMatchObject({
      requestedModel: 'claude-opus-5-5',
      resolvedModel: 'claude-haiku-4-5',
      route: { policyVersion: version, rule: 'rules[0]', action: 'target', target: { model: 'claude-haiku-4-5' }, candidates: [{ verdict: 'chosen' }] },
    })
    const id = exchange?.id ?? ''
    expect(await json<ExplainJson>('explain', id)).toMatchObject({ rule: famous, exchange: { id } })
    const text = (await run('explain', id)).stdout
    for (const part of [`The rule "rules[0]" of policy ${version} matched`, 'claude-haiku-4-5 at rehearsal was chosen.', 'billed as claude-haiku-4-5', famous])
      expect(text).toContain(part)
    expect((await run('exchanges', '--id', id)).stdout).toMatch(/^route +claude-haiku-4-5 at rehearsal, by rule rules\[0\]/m)

    expect(await json<PolicyDiffJson>('policy', 'diff', 'recommended')).toMatchObject({ from: version, changes: expect.any(Array) as unknown[] })
    expect((await run('policy', 'diff', 'recommended')).stdout).toMatch(/^\+ rules "side-calls": /m)
    await json('policy', 'publish', 'recommended')
    expect((await run('policy', 'publish', 'recommended')).stdout).toMatch(
      /^Nothing to do: policy [0-9a-f]{16}, published .* by admin, is in force already\.\n$/,
    )
    expect((await run('policy', 'rollback', version, '--reason', 'too eager')).stdout).toMatch(new RegExp(`^Policy ${version} is in force, in place of `))
    expect((await json<readonly PublicationJson[]>('policy', 'history')).map(({ sequence, reason }) => [sequence, reason])).toEqual([
      [3, 'too eager'],
      [2, null],
      [1, 'the famous rule'],
    ])
    expect(await json<CurrentPolicyJson>('policy', 'show')).toMatchObject({ version, policy: { version: 1, rules: [famous] } })
    expect((await json<readonly { action: string; actor: string }[]>('audit', 'list', '--subject', 'policy')).map(({ action }) => action)).toEqual([
      'policy.publish',
      'policy.publish',
      'policy.rollback',
    ])
  })

  test('who expects another version is refused with the one in force, and a document that is not valid never leaves the command', { timeout }, async () => {
    await json('policy', 'publish', '--rule', famous)
    const current = await json<CurrentPolicyJson>('policy', 'show')
    const late = await run('policy', 'publish', '--rule', 'keep', '--expect', '0123456789abcdef')
    expect([late.code, late.stderr]).toEqual([1, expect.stringContaining(`version ${current.version ?? ''} is in force`)])
    const path = join(directory, 'broken.json')
    writeFileSync(path, JSON.stringify({ version: 1, rules: [{ name: 'x', when: { knid: 'title' }, do: { keep: true } }] }))
    const broken = await run('policy', 'publish', path)
    expect([broken.code, broken.stderr]).toEqual([1, expect.stringContaining('policy.rules[0].when.knid: is an unknown field')])
    const elsewhere = await run('policy', 'publish', '--rule', 'use upstream nowhere')
    expect([elsewhere.code, elsewhere.stderr]).toEqual([1, expect.stringContaining('"nowhere" is not configured. There is rehearsal.')])
    expect(await json<CurrentPolicyJson>('policy', 'show')).toEqual(current)
  })
})

test('what-if: of the ledger, under another policy, another price list and a cap; in words and for programs', { timeout }, async () => {
  await (await ask(gateway.url, 'what if', { 'x-claude-code-session-id': 'what-if-session' })).text()
  // What an exchange came to is settled after its last byte, and nobody waits for that.
  await expect.poll(() => json<readonly object[]>('exchanges', '--session', 'what-if-session'), { timeout: 20_000 }).toHaveLength(1)
  const where = ['--where', 'session=what-if-session', '--since', '1h']
  const found = await json<WhatIfJson>('whatif', '--rule', 'use claude-sonnet-5-5', ...where)
  expect(found).toMatchObject({
    exchanges: 1,
    moved: 1,
    isWhole: true,
    byModel: expect.arrayContaining([expect.objectContaining({ group: 'claude-sonnet-5-5' })]) as unknown,
  })
  const budgets = join(directory, 'budgets.json')
  writeFileSync(budgets, JSON.stringify([{ name: 'tiny', subject: { model: 'claude-*' }, amountUsd: '0.000001', window: 'day' }]))
  const blocked = await json<WhatIfJson>('whatif', '--budget', budgets, '--group-by', 'session', ...where)
  expect(blocked).toMatchObject({ projectedNanoUsd: '0', blocked: [{ name: 'tiny', exchanges: 1, sessions: 1 }], byGroup: [{ group: 'what-if-session' }] })
  const capped = await json<WhatIfJson>(
    'whatif',
    '--model',
    'claude-*',
    '--amount-usd',
    '1',
    '--window',
    'rolling:24h',
    '--thresholds',
    '0.01',
    '--hard-percent',
    '110',
    ...where,
  )
  expect(capped).toMatchObject({ blocked: [], thresholds: [{ percent: 0.01 }] })
  const prices = join(directory, 'prices.json')
  writeFileSync(prices, JSON.stringify({ contractMultiplier: '0.5' }))
  const text = (await run('whatif', '--prices', prices, ...where)).stdout
  expect(text).toMatch(/^1 exchanges from .*\nThey cost \$.* less \(-50\.0 %\)\.\n[^]*This rests on:\n[^]*Everything is priced anew/)
  expect((await run('whatif')).stderr).toContain('say what is to be different')
})

test(
  'D9: a session whose prefix changes every turn is told of in the log on its third turn, once, with the money lost; a healthy one is not',
  { timeout },
  async () => {
    for (let number = 1; number <= 4; number += 1) {
      await turn('healthy-session', 'the same opening', number)
      await turn('broken-session', `opening number ${number}`, number)
    }
    const line = await until(gateway, ({ stderr }) => /^Cache: session broken-session .*$/m.exec(stderr)?.[0])
    expect(line).toMatch(/on claude-haiku-4-5|on claude-opus-5-5/)
    expect(line).toMatch(/has written its prompt anew 3 turns in a row and hardly read it: [\d.]+k tokens and \$0\.\d+ lost so far/)
    expect(gateway.output().stderr.match(/^Cache: /gm)).toHaveLength(1)
    await expect.poll(() => json<readonly object[]>('exchanges', '--session', 'broken-session'), { timeout: 20_000 }).toHaveLength(4)
    const health = await json<{ worstSessions: readonly { session: string; alarm: object | null }[] }>('report', '--view', 'cache-health')
    const alarms = health.worstSessions.filter(({ session }) => session.endsWith('-session')).map(({ session, alarm }) => [session, alarm !== null])
    expect(Object.fromEntries(alarms)).toMatchObject({ 'broken-session': true, 'healthy-session': false })
    expect((await run('report', '--view', 'cache-health')).stdout).toMatch(/^broken-session .* since \d{4}-/m)
  },
)
