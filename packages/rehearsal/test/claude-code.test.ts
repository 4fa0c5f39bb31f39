import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { assertStreamGrammar, startRehearsal, type Rehearsal, type RehearsalCall } from '../src/index.ts'

const binary = claudeBinary()
if (binary === undefined) console.log('skipped: the Claude Code executable (@anthropic-ai/claude-code-linux-x64) is not installed here')

function claudeBinary(): string | undefined {
  try {
    const file = join(dirname(createRequire(import.meta.url).resolve('@anthropic-ai/claude-code-linux-x64/package.json')), 'claude')
    return existsSync(file) ? file : undefined
  } catch {
    return undefined
  }
}

interface Result {
  readonly result: string
  readonly is_error: boolean
  readonly session_id: string
  readonly total_cost_usd: number
}
interface Run {
  readonly result: Result
  readonly calls: readonly RehearsalCall[]
  readonly toolErrors: readonly string[]
  readonly directory: string
}

describe.skipIf(binary === undefined)('the real Claude Code CLI, directly against the rehearsal', () => {
  let rehearsal: Rehearsal
  const scratch = mkdtempSync(join(tmpdir(), 'rehearsal-cli-'))
  const home = mkdtempSync(join(scratch, 'home-'))
  const directory = mkdtempSync(join(scratch, 'work-'))
  beforeAll(async () => {
    rehearsal = await startRehearsal()
  })
  afterAll(async () => {
    await rehearsal.close()
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5 })
  })

  async function claude(text: string, extra: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<Run> {
    const before = rehearsal.calls.length
    const child = spawn(
      binary ?? '',
      ['-p', text, '--output-format', 'stream-json', '--verbose', '--permission-mode', 'acceptEdits', '--allowedTools', 'Bash Read Write Edit Agent', ...extra],
      {
        cwd: directory,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          PATH: '/usr/bin:/bin',
          HOME: home,
          ANTHROPIC_BASE_URL: rehearsal.url,
          ANTHROPIC_API_KEY: 'sk-test',
          CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
          DISABLE_AUTOUPDATER: '1',
          ...env,
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
      .map((line) => JSON.parse(line) as { type: string; message?: { content?: unknown } })
    const result = lines.findLast((line) => line.type === 'result')
    if (result === undefined) throw new Error(`no result: ${complaint}`)
    const toolErrors = lines.flatMap(
      (line) =>
        (line.type === 'user' && Array.isArray(line.message?.content) ? line.message.content : []) as {
          is_error?: boolean
        }[],
    )
    return {
      result: result as unknown as Result,
      calls: rehearsal.calls.slice(before),
      toolErrors: toolErrors.filter((block) => block.is_error === true).map((block) => JSON.stringify(block)),
      directory,
    }
  }

  const inferences = (run: Run): RehearsalCall[] => run.calls.filter((call) => call.path === '/v1/messages')

  it('a session of twenty tool turns takes twenty-one calls on one connection, and --resume and /compact go on in it', async () => {
    const run = await claude('Please rehearse. [[rehearse tool-loop turns=20]]')
    expect(run.result).toMatchObject({ result: 'Done: 20 rehearsed tool turns.', is_error: false })
    expect(run.toolErrors).toEqual([])
    expect(inferences(run)).toHaveLength(21)
    expect(run.calls).toHaveLength(21)
    expect(new Set(run.calls.map((call) => call.socketId)).size).toBe(1)
    for (const call of run.calls) {
      expect(call).toMatchObject({ target: '/v1/messages?beta=true', scenario: 'tool-loop', outcome: 'completed' })
      assertStreamGrammar(call.responseBytes)
    }
    expect(readFileSync(join(directory, 'rehearsal-p1-1.txt'), 'utf8')).toBe('Rehearsal notes\nturn 1\nstate: final\n')

    const sum = (pick: (usage: NonNullable<RehearsalCall['usage']>) => number): number =>
      run.calls.reduce((total, call) => total + (call.usage === undefined ? 0 : pick(call.usage)), 0)
    const cost =
      (sum((usage) => usage.inputTokens) * 4 +
        sum((usage) => usage.cacheReadTokens) * 0.2 +
        sum((usage) => usage.cacheWrite5mTokens) * 5 +
        sum((usage) => usage.outputTokens) * 20) /
      1e6
    expect(run.result.total_cost_usd).toBeCloseTo(cost, 9)
    expect(run.calls.slice(1).every((call) => (call.usage?.cacheReadTokens ?? 0) > 10_000)).toBe(true)

    const resumed = await claude('And more. [[rehearse tool-loop turns=4]]', ['--resume', run.result.session_id])
    expect(resumed.result).toMatchObject({
      result: 'Done: 4 rehearsed tool turns.',
      is_error: false,
      session_id: run.result.session_id,
    })
    expect(resumed.toolErrors).toEqual([])
    expect(resumed.calls).toHaveLength(5)
    const compacted = await claude('/compact', ['--resume', run.result.session_id])
    expect(compacted.calls).toHaveLength(1)
    const after = await claude('After. [[rehearse tool-loop turns=1 name=after]]', ['--resume', run.result.session_id])
    expect(after.result.result).toBe('Done: 1 rehearsed tool turns.')
    expect(after.calls).toHaveLength(2)
    expect(new Set([...run.calls, ...resumed.calls, ...compacted.calls, ...after.calls].map((call) => call.header('x-claude-code-session-id')))).toEqual(
      new Set([run.result.session_id]),
    )
  }, 30_000)

  it('two parallel sub-agents of three turns take ten calls under one session', async () => {
    const run = await claude('Use agents. [[rehearse sub-agents agents=2 turns=3]]')
    expect(run.result).toMatchObject({ result: 'Done: 2 rehearsed sub-agents.', is_error: false })
    expect(run.calls).toHaveLength(10)
    const byAgent = Map.groupBy(run.calls, (call) => call.header('x-claude-code-agent-id'))
    expect([...byAgent.values()].map((calls) => calls.length).toSorted((a, b) => a - b)).toEqual([2, 4, 4])
    expect(byAgent.get(undefined)).toHaveLength(2)
  }, 30_000)

  it('auto mode takes the verdict in the stream and sends no classifier request', async () => {
    const run = await claude('Auto. [[rehearse tool-loop turns=4]]', ['--permission-mode', 'auto', '--allowedTools', 'Read'])
    expect(run.result).toMatchObject({ result: 'Done: 4 rehearsed tool turns.', is_error: false })
    expect(run.calls).toHaveLength(5)
    expect(run.toolErrors).toEqual([])
  }, 30_000)

  it('/context counts tokens many times at once and asks for no inference', async () => {
    const run = await claude('/context')
    expect(inferences(run)).toEqual([])
    expect(run.calls.filter((call) => call.path === '/v1/messages/count_tokens').length).toBeGreaterThan(10)
  }, 30_000)

  it('a connection that breaks once costs one more call, and the session completes', async () => {
    const run = await claude('Break. [[rehearse tool-loop turns=2]]', [], {
      ANTHROPIC_CUSTOM_HEADERS: 'x-rehearsal-scenario: cut; after-frames=5; times=1',
    })
    expect(run.result).toMatchObject({ result: 'Done: 2 rehearsed tool turns.', is_error: false })
    expect(run.calls.map((call) => call.outcome)).toEqual(['cut', 'completed', 'completed', 'completed'])
    expect(run.calls[1]?.body).toEqual(run.calls[0]?.body)
  }, 30_000)
})
