import { nodeRuntime, serve, type Served } from '@sluice/adapters-node'
import { attribute, authenticate, createGateway, staticKeys, swapCredential, type LedgerEntry } from '@sluice/core'
import { startRehearsal, type Rehearsal } from '@sluice/rehearsal'
import { memoryLedger, type MemoryLedger } from '@sluice/storage-memory'
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { claudeBinary } from './claude-binary.ts'

interface Line {
  readonly type: string
  readonly session_id?: string
  readonly total_cost_usd?: number
  readonly is_error?: boolean
  readonly result?: string
  readonly message?: { readonly content?: readonly Record<string, unknown>[] | string }
}

interface Run {
  readonly session: string
  readonly costNanoUsd: bigint
  readonly isError: boolean
  /** What was said and done, without ids and paths. */
  readonly transcript: readonly string[]
  readonly upstreamCalls: number
  readonly elapsedMillis: number
}

const key = 'sluice-test-key-0123456789'

/** Once straight at the rehearsal upstream, and once through Sluice. */
describe.skipIf(claudeBinary === undefined)('the real Claude Code', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'sluice-claude-'))
  const directory = join(scratch, 'home', 'dev', 'projects', 'payments-api')
  let rehearsal: Rehearsal
  let ledger: MemoryLedger
  let served: Served
  const runtime = nodeRuntime()

  beforeAll(async () => {
    mkdirSync(directory, { recursive: true })
    rehearsal = await startRehearsal()
    ledger = memoryLedger()
    const gateway = createGateway({
      runtime,
      digest: 'sha256',
      upstreams: [{ name: 'rehearsal', baseUrl: rehearsal.url, credential: swapCredential('sk-ant-upstream') }],
    })
      .use(authenticate(staticKeys([{ developer: 'ada', secret: key }])))
      .use(attribute())
      .record(ledger)
    served = await serve(gateway, { port: 0 })
  })
  afterAll(async () => {
    await served.stop()
    await rehearsal.close()
    await runtime.close()
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5 })
  })

  async function claude(baseUrl: string, text: string, extra: readonly string[] = []): Promise<Run> {
    const before = rehearsal.calls.length
    const startedAt = performance.now()
    const home = join(scratch, baseUrl === rehearsal.url ? 'home-direct' : 'home-through')
    mkdirSync(home, { recursive: true })
    const child = spawn(
      claudeBinary ?? '',
      ['-p', text, '--output-format', 'stream-json', '--verbose', '--permission-mode', 'acceptEdits', '--allowedTools', 'Bash Read Write Edit Agent', ...extra],
      {
        cwd: directory,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          PATH: '/usr/bin:/bin',
          HOME: home,
          ANTHROPIC_BASE_URL: baseUrl,
          ANTHROPIC_API_KEY: key,
          CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
          DISABLE_AUTOUPDATER: '1',
        },
      },
    )
    let output = ''
    let complaint = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()))
    await new Promise((resolve) => child.on('close', resolve))
    const lines = output
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Line)
    const result = lines.findLast((line) => line.type === 'result')
    if (result === undefined) throw new Error(`no result: ${complaint || output.slice(-500)}`)
    return {
      session: result.session_id ?? '',
      costNanoUsd: BigInt(Math.round((result.total_cost_usd ?? 0) * 1e9)),
      isError: result.is_error ?? true,
      transcript: lines
        .flatMap(said)
        .map((line) => line.replaceAll(/toolu_\w+|[0-9a-f]{17}|[0-9a-f-]{36}/g, 'ID').replaceAll(/duration_ms: \d+|total_duration[^,]*|\d+ms/g, 'TIME'))
        .toSorted(),
      upstreamCalls: rehearsal.calls.slice(before).filter(({ path }) => path === '/v1/messages').length,
      elapsedMillis: performance.now() - startedAt,
    }
  }

  function said({ type, message }: Line): readonly string[] {
    if (type !== 'assistant' && type !== 'user') return []
    const blocks = typeof message?.content === 'string' ? [{ type: 'text', text: message.content }] : (message?.content ?? [])
    return blocks.map(
      (block) =>
        `${type} ${JSON.stringify({ type: block['type'], text: block['text'], name: block['name'], input: block['input'], isError: block['is_error'] })}`,
    )
  }

  const exchangesOf = (session: string): Promise<readonly LedgerEntry[]> => ledger.exchanges({ session, limit: 1000 })

  /** What must hold of every exchange of a session on an upstream that behaves. */
  function expectFaithful(exchanges: readonly LedgerEntry[]): void {
    for (const { proof, outcome, attempts, attribution, exchangeId } of exchanges) {
      expect({ exchangeId, outcome, patches: proof.patches, attempts: attempts.length }).toEqual({
        exchangeId,
        outcome: { kind: 'completed' },
        patches: [],
        attempts: 1,
      })
      expect(proof.requestDigest).toMatch(/^sha256:/)
      expect(proof.upstreamRequestDigest).toBe(proof.requestDigest)
      expect(proof.responseDigest).toBe(proof.upstreamResponseDigest)
      expect(attribution).toMatchObject({
        developer: { value: 'ada', source: 'key' },
        repository: { value: 'payments-api' },
        clientVersion: { value: '2.1.330' },
      })
      expect(attribution.session?.source).toBe('header')
    }
  }

  const total = (exchanges: readonly LedgerEntry[]): bigint => exchanges.reduce((sum, { cost }) => sum + cost.nanoUsd, 0n)
  const micros = (nanoUsd: bigint): bigint => (nanoUsd + 500n) / 1000n

  it('R5, R18: a session of twenty tool turns, then a resumed one: same transcript, same calls, same cost', { timeout: 120_000 }, async () => {
    const prompt = 'Please rehearse. [[rehearse tool-loop turns=20]]'
    const direct = await claude(rehearsal.url, prompt)
    rmSync(directory, { recursive: true })
    mkdirSync(directory)
    const through = await claude(served.url, prompt)
    expect(through).toMatchObject({ isError: false, upstreamCalls: 21, transcript: direct.transcript })
    expect(direct.upstreamCalls).toBe(21)
    const exchanges = await exchangesOf(through.session)
    expect(exchanges).toHaveLength(21)
    expectFaithful(exchanges)
    expect(new Set(exchanges.map(({ attribution }) => attribution.kind.value))).toEqual(new Set(['main']))
    expect(micros(total(exchanges))).toBe(micros(through.costNanoUsd))

    const resumed = await claude(served.url, 'Go on. [[rehearse tool-loop turns=4]]', ['--resume', through.session])
    expect(resumed).toMatchObject({ isError: false, upstreamCalls: 5, session: through.session })
    const all = await exchangesOf(through.session)
    expect(all).toHaveLength(26)
    expectFaithful(all)
    // A resumed session prints what the whole session cost, or what this run did, depending on the version; Sluice's rows say both.
    expect([micros(total(all)), micros(total(all) - total(exchanges))]).toContain(micros(resumed.costNanoUsd))
  })

  it('R5: a session with sub-agents: every call attributed to its agent, none repeated', { timeout: 120_000 }, async () => {
    const prompt = 'Please rehearse. [[rehearse sub-agents agents=2 turns=3]]'
    const direct = await claude(rehearsal.url, prompt)
    rmSync(directory, { recursive: true })
    mkdirSync(directory)
    const through = await claude(served.url, prompt)
    expect(through).toMatchObject({ isError: false, upstreamCalls: direct.upstreamCalls })
    const exchanges = await exchangesOf(through.session)
    expect(exchanges).toHaveLength(through.upstreamCalls)
    expectFaithful(exchanges)
    const ofAgents = exchanges.filter(({ attribution }) => attribution.kind.value === 'sub-agent')
    expect(ofAgents.length).toBeGreaterThan(0)
    expect(new Set(ofAgents.map(({ attribution }) => attribution.agent?.value)).size).toBe(2)
    expect(exchanges.filter(({ attribution }) => attribution.kind.value === 'main').every(({ attribution }) => attribution.agent === undefined)).toBe(true)
    expect(micros(total(exchanges))).toBe(micros(through.costNanoUsd))
    const [row] = await ledger.report({ groupBy: ['session', 'developer', 'repository'], where: { session: through.session } })
    expect(row).toMatchObject({
      exchanges: exchanges.length,
      group: { session: through.session, developer: 'ada', repository: 'payments-api' },
      costNanoUsd: total(exchanges),
    })
  })

  it(
    'R18: bare errors of the upstream reach the client as they are, and it retries no more and no less than without a gateway',
    { timeout: 120_000 },
    async () => {
      for (const scenario of ['error status=529', 'error status=402', 'error status=403', 'error status=413']) {
        const prompt = `[[rehearse ${scenario}]]`
        const direct = await claude(rehearsal.url, prompt)
        const through = await claude(served.url, prompt)
        expect({ scenario, calls: through.upstreamCalls, isError: through.isError }).toEqual({ scenario, calls: direct.upstreamCalls, isError: direct.isError })
      }
    },
  )
})
