import { startRehearsal, type Rehearsal } from '@sluice/rehearsal'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { claudeBinary } from './claude-binary.ts'
import { claudeSession, type ClaudeSession } from './claude-session.ts'
import { startGateway } from './sluice.ts'

/** An exchange, as a line of the JSON log tells it. */
interface Exchange {
  readonly outcome: string
  readonly requestedModel: string | null
  readonly resolvedModel: string | null
  readonly costNanoUsd: string
  readonly attribution: { readonly kind: { readonly value: string }; readonly session: { readonly value: string } | null }
  readonly route: { readonly rule?: string; readonly action: string } | null
}

const timeout = 90_000

/** The same session direct and through `sluice start` with a policy. */
describe.skipIf(claudeBinary === undefined)('the real Claude Code under a policy', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'sluice-policy-'))
  let upstream: Rehearsal
  let at = 0

  beforeAll(async () => {
    upstream = await startRehearsal()
  })
  afterAll(async () => {
    await upstream.close()
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5 })
  })

  function claude(baseUrl: string, prompt: string): Promise<ClaudeSession> {
    at += 1
    const directory = join(scratch, 'work', 'payments-api')
    rmSync(directory, { recursive: true, force: true })
    return claudeSession({ baseUrl, prompt, directory, home: join(scratch, `home-${at}`), environment: { CLAUDE_CODE_GATEWAY_HINT_HEADERS: '1' } })
  }

  async function through(prompt: string, flags: readonly string[]): Promise<{ readonly session: ClaudeSession; readonly exchanges: readonly Exchange[] }> {
    const gateway = await startGateway(['--upstream', upstream.url, '--upstream-key', 'sk-ant-x', '--no-auth', '--json-log', ...flags])
    const session = await claude(gateway.url, prompt)
    const { stdout } = await gateway.stop()
    const exchanges = stdout
      .split('\n')
      .filter((line) => line.includes('"event":"exchange"'))
      .map((line) => JSON.parse(line) as Exchange)
      .filter(({ attribution }) => attribution.session?.value === session.session)
    expect(exchanges.map(({ outcome }) => outcome)).toEqual(exchanges.map(() => 'completed'))
    return { session, exchanges }
  }

  const ofKind = (exchanges: readonly Exchange[], kind: string): readonly Exchange[] => exchanges.filter(({ attribution }) => attribution.kind.value === kind)

  test('D8: the rule of 10,000 tokens leaves every turn of the main loop alone, and the session is as without a gateway', { timeout }, async () => {
    const prompt = 'Please work. [[rehearse tool-loop turns=6]]'
    const direct = await claude(upstream.url, prompt)
    const { session, exchanges } = await through(prompt, ['--rule', 'when input < 10k use claude-haiku-4-5 else claude-opus-5-5'])
    expect(session).toMatchObject({ isError: false, transcript: direct.transcript, events: direct.events, costMicroUsd: direct.costMicroUsd })
    const turns = ofKind(exchanges, 'main')
    expect(turns).toHaveLength(7)
    for (const { requestedModel, resolvedModel, route } of turns)
      expect([requestedModel, resolvedModel, route]).toMatchObject(['claude-opus-5-5', 'claude-opus-5-5', { rule: 'rules[0]' }])
  })

  test('H3: the client finds every model that the policy offers, by name, and none that it does not', { timeout }, async () => {
    const offered = [
      { model: 'claude-opus-5-5', name: 'Opus for us' },
      { model: 'claude-haiku-5-5', name: 'Haiku', description: 'For what is quick' },
      { model: 'in-house-claude' },
    ]
    const policy = join(scratch, 'offered.json')
    writeFileSync(policy, JSON.stringify({ version: 1, offered, stops: [{ model: 'in-house-*', reason: 'not yet' }], rules: [] }))
    const gateway = await startGateway(['--upstream', upstream.url, '--upstream-key', 'sk-ant-x', '--no-auth', '--policy', policy])
    const home = join(scratch, 'home-models')
    const before = upstream.calls.length
    await claudeSession({
      baseUrl: gateway.url,
      prompt: 'Please answer.',
      directory: join(scratch, 'work', 'models'),
      home,
      environment: { CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: '1', CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '' },
    })
    await gateway.stop()
    const found = JSON.parse(readFileSync(join(home, '.claude', 'cache', 'gateway-models.json'), 'utf8')) as { readonly models: readonly object[] }
    expect(found.models).toEqual([
      { id: 'claude-opus-5-5', display_name: 'Opus for us' },
      { id: 'claude-haiku-5-5', display_name: 'Haiku', description: 'For what is quick' },
    ])
    expect(upstream.calls.slice(before).filter(({ path }) => path.startsWith('/v1/models'))).toEqual([])
  })

  test(
    'D8, E3: the recommended policy moves agents that search, keeps the main loop, and the session ends as without a gateway for less',
    { timeout },
    async () => {
      const prompt = 'Please work. [[rehearse sub-agents agents=2 turns=2 type=Explore]]'
      const direct = await claude(upstream.url, prompt)
      const { session, exchanges } = await through(prompt, ['--policy', 'recommended'])
      expect(session).toMatchObject({ isError: false, result: direct.result })
      expect(session.transcript.toSorted()).toEqual(direct.transcript.toSorted())
      const agents = ofKind(exchanges, 'sub-agent')
      expect(agents).toHaveLength(6)
      for (const { requestedModel, resolvedModel, route } of agents)
        expect([requestedModel, resolvedModel, route]).toMatchObject(['claude-opus-5-5', 'claude-haiku-5-5', { rule: 'searching-agents', action: 'target' }])
      for (const { resolvedModel, route } of ofKind(exchanges, 'main'))
        expect([resolvedModel, route]).toMatchObject(['claude-opus-5-5', { rule: 'main-loop', action: 'keep' }])
      const spent = exchanges.reduce((sum, { costNanoUsd }) => sum + BigInt(costNanoUsd), 0n) / 1000n
      expect(spent).toBeLessThan(direct.costMicroUsd)
    },
  )
})
