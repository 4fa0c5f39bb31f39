import { nodeRuntime, serve, type Served } from '@sluice/adapters-node'
import {
  attribute,
  authenticate,
  budget,
  checkBudget,
  createGateway,
  swapCredential,
  usageRoute,
  virtualKeys,
  type LedgerEntry,
  type VirtualKeys,
} from '@sluice/core'
import { startRehearsal, type Rehearsal } from '@sluice/rehearsal'
import { memoryBudgetBook, memoryKeyRing, memoryLedger, memoryScopeTree, type MemoryLedger } from '@sluice/storage-memory'
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { claudeBinary } from './claude-binary.ts'

interface Run {
  readonly result: string
  readonly isError: boolean
  readonly calls: number
  readonly secondsAfterLastCall: number
}

const notice = 'Ask in #ai-budget.'

/** Two developers of one team with a pot of a few cents, and the real client running into it. */
describe.skipIf(claudeBinary === undefined)('R18 the real Claude Code at the end of a budget', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'sluice-budget-'))
  const book = memoryBudgetBook()
  let rehearsal: Rehearsal
  let ledger: MemoryLedger
  let served: Served
  let keys: VirtualKeys
  const runtime = nodeRuntime()

  beforeAll(async () => {
    rehearsal = await startRehearsal()
    ledger = memoryLedger()
    const scopes = memoryScopeTree()
    for (const [path, level] of [
      ['acme', 'organisation'],
      ['acme/web', 'business-unit'],
      ['acme/web/ada', 'developer'],
      ['acme/web/bob', 'developer'],
    ] as const)
      await scopes.add({ path, level, createdAt: Date.now() })
    keys = virtualKeys({ ring: memoryKeyRing(), scopes, pepper: 'a pepper for tests, long enough for it' })
    await book.define(
      checkBudget({
        id: 'team-web',
        name: 'Team web',
        subject: { scope: 'acme/web' },
        unit: 'nano-usd',
        amount: 150_000_000n,
        window: { kind: 'month', timeZone: 'UTC' },
        hardPercent: 100,
        notice,
        createdAt: Date.now(),
      }),
    )
    const gateway = createGateway({
      runtime,
      upstreams: [{ name: 'rehearsal', baseUrl: rehearsal.url, credential: swapCredential('sk-ant-upstream') }],
      routes: [usageRoute({ keys, book })],
    })
      .use(authenticate(keys))
      .use(attribute())
      .use(budget(book))
      .record(ledger)
    served = await serve(gateway, { port: 0 })
  })
  afterAll(async () => {
    await served.stop()
    await rehearsal.close()
    await runtime.close()
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5 })
  })

  async function keyOf(scope: string): Promise<{ readonly key: string; readonly jwt: string }> {
    const issued = await keys.issue({ scope })
    if (issued.kind !== 'issued') throw new Error(issued.kind)
    return issued
  }

  async function claude(token: string, text: string): Promise<Run> {
    const directory = join(scratch, 'projects', 'web')
    const home = join(scratch, 'home')
    mkdirSync(directory, { recursive: true })
    mkdirSync(home, { recursive: true })
    const before = (await exchanges()).length
    const child = spawn(
      claudeBinary ?? '',
      ['-p', text, '--output-format', 'stream-json', '--verbose', '--permission-mode', 'acceptEdits', '--allowedTools', 'Bash Read Write Edit Agent'],
      {
        cwd: directory,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          PATH: '/usr/bin:/bin',
          HOME: home,
          ANTHROPIC_BASE_URL: served.url,
          ANTHROPIC_AUTH_TOKEN: token,
          CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
          DISABLE_AUTOUPDATER: '1',
        },
      },
    )
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.resume()
    await new Promise((resolve) => child.on('close', resolve))
    const endedAt = Date.now()
    const result = output
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as { readonly type: string; readonly result?: string; readonly is_error?: boolean })
      .findLast(({ type }) => type === 'result')
    const all = await exchanges()
    return {
      result: result?.result ?? output.slice(-500),
      isError: result?.is_error ?? true,
      calls: all.length - before,
      secondsAfterLastCall: (endedAt - (all[0]?.startedAt ?? 0)) / 1000,
    }
  }

  const exchanges = (): Promise<readonly LedgerEntry[]> => ledger.exchanges({ limit: 10_000 })
  const refusals = async (): Promise<number> => (await exchanges()).filter(({ outcome }) => outcome.error?.code === 'budget-exceeded').length

  it('an opaque key: the session ends with the cap, the reset and the operator’s text, after one refused call', async () => {
    const { key } = await keyOf('acme/web/ada')
    const run = await claude(key, 'Work until you are done. [[rehearse tool-loop turns=60]]')
    expect(run.isError).toBe(true)
    expect(run.result).toMatch(
      /Request rejected \(429\) · spend limit reached · resets \w+ \d+[^·]*· Team web: \$0\.\d\d used of \$0\.15 this month[^·]* · Ask in #ai-budget\./,
    )
    expect(run.secondsAfterLastCall).toBeLessThan(10)
    expect(await refusals()).toBeLessThanOrEqual(2)
    expect(run.calls).toBeGreaterThan(3)
  }, 120_000)

  it('the same budget, another developer, the JWT of a key: the message stands as it is, and nothing was sent upstream', async () => {
    const { jwt } = await keyOf('acme/web/bob')
    const before = [rehearsal.calls.length, await refusals()] as const
    const run = await claude(jwt, 'Say hello.')
    expect(run.isError).toBe(true)
    expect(run.result).toMatch(/^spend limit reached · resets/)
    expect(run.result).toContain(notice)
    expect(rehearsal.calls.length).toBe(before[0])
    expect((await refusals()) - before[1]).toBeLessThanOrEqual(2)
    expect(run.secondsAfterLastCall).toBeLessThan(10)
  }, 120_000)

  it('spend is attributed to both developers and their team, and never passed the cap by more than the call that met it', async () => {
    const [team] = await ledger.report({ groupBy: ['businessUnit'] })
    expect(team?.group).toEqual({ businessUnit: 'acme/web' })
    const [balance] = await book.balances([
      {
        account: 'team-web',
        bucket: Date.UTC(new Date().getUTCFullYear(), new Date().getUTCMonth(), 1),
        firstBucket: Date.UTC(new Date().getUTCFullYear(), new Date().getUTCMonth(), 1),
      },
    ])
    expect(balance).toEqual({ spent: team?.costNanoUsd, held: 0n })
    const dearest = (await exchanges()).reduce((most, { cost }) => (cost.nanoUsd > most ? cost.nanoUsd : most), 0n)
    expect(balance?.spent).toBeLessThanOrEqual(150_000_000n + dearest)
  })
})
