import { errorReply, messageStream, mintId, startRehearsal, toSteps, type Rehearsal, type ScriptedReply, type Step } from '@sluice/rehearsal'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { claudeBinary } from './claude-binary.ts'
import { claudeSession, type ClaudeSession } from './claude-session.ts'
import { startGateway, type Gateway } from './sluice.ts'

/** An exchange, as a line of the JSON log tells it. */
interface Exchange {
  readonly status: number | null
  readonly outcome: string
  readonly costNanoUsd: string
  readonly attempts: readonly { readonly upstream: string; readonly status?: number; readonly failure?: string }[]
  readonly attribution: { readonly session: { readonly value: string } | null }
}

type Phase =
  | 'connect'
  | 'status 500'
  | 'status 503'
  | 'status 529'
  | 'reset before the head'
  | 'fin after the head'
  | 'fin after message_start'
  | 'reset after message_start'
  | 'silence after message_start'
  | 'fin within a block'
  | 'reset within a block'

const frames = messageStream({ model: 'claude-opus-5-5', blocks: [{ type: 'text', text: 'These words are cut off before they end.' }] })

/** How the first upstream dies at a phase. */
function death(phase: Phase, retryAfterSeconds?: number): ScriptedReply {
  const headers = [['content-type', 'text/event-stream; charset=utf-8'] as const]
  const cutAfter = (count: number, how: 'fin' | 'reset'): ScriptedReply => ({
    status: 200,
    headers,
    steps: [...toSteps(frames.slice(0, count)), { cut: how, afterMillis: 30 } satisfies Step],
  })
  switch (phase) {
    case 'reset before the head':
      return { status: 200, steps: [{ cut: 'reset' }, { head: true }] }
    case 'fin after the head':
      return { status: 200, headers, steps: [{ head: true }, { cut: 'fin', afterMillis: 30 }] }
    case 'fin after message_start':
      return cutAfter(1, 'fin')
    case 'reset after message_start':
      return cutAfter(1, 'reset')
    case 'silence after message_start':
      return { status: 200, headers, steps: [...toSteps(frames.slice(0, 1)), { waitMillis: 60_000 }, { cut: 'reset' }] }
    case 'fin within a block':
      return cutAfter(4, 'fin')
    case 'reset within a block':
      return cutAfter(4, 'reset')
    default: {
      const status = Number(phase.slice('status '.length))
      const later = retryAfterSeconds === undefined ? [] : [['retry-after', String(retryAfterSeconds)] as const]
      const type = status === 529 ? 'overloaded_error' : 'api_error'
      return errorReply(status, type, 'scripted', [['request-id', mintId('req', Math.random)], ...later], Math.random)
    }
  }
}

const healthy = 'tool-loop; turns=2'
const healthyCalls = 3

/** The same prompt direct, at an upstream that dies once, and through `sluice start`, at one that stays dead and one that is well. */
describe.skipIf(claudeBinary === undefined)('the real Claude Code, and an upstream that dies', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'sluice-failover-'))
  let first: Rehearsal
  let second: Rehearsal
  let closedPort = 0
  let reference: ClaudeSession
  let at = 0

  beforeAll(async () => {
    first = await startRehearsal({ defaultScenario: healthy })
    second = await startRehearsal({ defaultScenario: healthy })
    const server = createServer()
    closedPort = await new Promise<number>((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)))
    await new Promise((resolve) => server.close(resolve))
    reference = await claude(second.url)
  }, 60_000)
  afterAll(async () => {
    await Promise.all([first.close(), second.close()])
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5 })
  })

  function claude(baseUrl: string): Promise<ClaudeSession> {
    at += 1
    const directory = join(scratch, 'work', 'payments-api')
    rmSync(directory, { recursive: true, force: true })
    return claudeSession({
      baseUrl,
      prompt: 'Please work.',
      directory,
      home: join(scratch, `home-${at}`),
      environment: { CLAUDE_CODE_MAX_RETRIES: '2' },
    })
  }

  /** Lets the first upstream die so many times, in the calls that create a message. */
  function dies(phase: Phase, times: number): void {
    let left = times
    first.script(({ path }) => {
      if (path !== '/v1/messages' || left === 0) return undefined
      left -= 1
      // So long that a slow machine does not outlast it; only a gateway that goes elsewhere is told so.
      return death(phase, times === Infinity && phase === 'status 529' ? 300 : undefined)
    })
  }

  const messagesOf = ({ calls }: Rehearsal, from = 0): number => calls.slice(from).filter(({ path }) => path === '/v1/messages').length

  /** Runs a session through a gateway whose first upstream dies. */
  async function through(
    phase: Phase,
    times: number,
    flags: readonly string[],
  ): Promise<{ readonly session: ClaudeSession; readonly exchanges: readonly Exchange[]; readonly calls: readonly [number, number] }> {
    dies(phase, times)
    const firstUrl = phase === 'connect' ? `http://127.0.0.1:${closedPort}` : first.url
    const gateway: Gateway = await startGateway(['--upstream', `first=${firstUrl}`, '--upstream', `second=${second.url}`, '--json-log', ...flags], {
      env: { SLUICE_UPSTREAM_KEY: 'first=sk-ant-first,second=sk-ant-second', SLUICE_KEYS: 'ada=sluice-test-key-0123456789' },
    })
    const before = [messagesOf(first), messagesOf(second)] as const
    const session = await claude(gateway.url)
    const { code, stdout } = await gateway.stop()
    expect(code).toBe(0)
    const exchanges = stdout
      .split('\n')
      .filter((line) => line.includes('"event":"exchange"'))
      .map((line) => JSON.parse(line) as Exchange)
      .filter(({ attribution }) => attribution.session?.value === session.session)
    return { session, exchanges, calls: [messagesOf(first) - before[0], messagesOf(second) - before[1]] }
  }

  const micros = (exchanges: readonly Exchange[]): bigint => (exchanges.reduce((sum, { costNanoUsd }) => sum + BigInt(costNanoUsd), 0n) + 500n) / 1000n

  /** No text twice, and no stream that begins before the one before it has ended. */
  function expectWhole({ texts, events, isError }: ClaudeSession): void {
    expect(isError).toBe(false)
    expect(texts.length).toBe(new Set(texts).size)
    const ends = events.filter((type) => type === 'message_start' || type === 'message_stop')
    expect(ends).toEqual(ends.map((_, index) => (index % 2 === 0 ? 'message_start' : 'message_stop')))
  }

  test.each<[Phase, readonly string[]]>([
    ['connect', []],
    ['status 500', []],
    ['status 503', []],
    ['status 529', []],
    ['reset before the head', []],
    ['fin after the head', ['--first-content', '5']],
    ['fin after message_start', ['--first-content', '5']],
    ['reset after message_start', ['--first-content', '5']],
    ['silence after message_start', ['--first-content', '0.5', '--replace-silent']],
  ])('F6: %s: the session is as on an upstream that is well, and the second one serves it unseen', { timeout: 90_000 }, async (phase, flags) => {
    const { session, exchanges, calls } = await through(phase, Infinity, flags)
    expectWhole(session)
    expect(session.transcript).toEqual(reference.transcript)
    expect(session.events).toEqual(reference.events)
    // An upstream that says it is busy is spared for a moment; of one that fails, nobody knows yet.
    const tried = phase === 'status 529' ? 1 : healthyCalls
    expect(calls).toEqual([phase === 'connect' ? 0 : tried, healthyCalls])
    expect(exchanges).toHaveLength(healthyCalls)
    for (const [index, { attempts, status, outcome }] of exchanges.entries())
      expect([attempts.map(({ upstream }) => upstream), status, outcome]).toEqual([index < tried ? ['first', 'second'] : ['second'], 200, 'completed'])
    if (flags.length === 0) expect(micros(exchanges)).toBe(session.costMicroUsd)
    else expect(micros(exchanges)).toBeGreaterThanOrEqual(session.costMicroUsd)
  })

  test.each<[Phase]>([
    ['status 529'],
    ['fin after the head'],
    ['fin after message_start'],
    ['reset after message_start'],
    ['fin within a block'],
    ['reset within a block'],
  ])(
    'R7, R18: %s, once, and no second try of the gateway: the client recovers as it does without a gateway, with no call more',
    { timeout: 120_000 },
    async (phase) => {
      dies(phase, 1)
      const before = messagesOf(first)
      const direct = await claude(first.url)
      const directCalls = messagesOf(first) - before
      // Without the gate a stream that has begun is the client's: what it does then is its own.
      const { session, exchanges, calls } = await through(phase, 1, phase === 'status 529' ? ['--attempts', '1'] : [])
      expect(session.isError).toBe(direct.isError)
      expect(session.transcript).toEqual(direct.transcript)
      expect(session.texts).toEqual(direct.texts)
      expect(calls[0] + calls[1]).toBe(directCalls)
      // What the client tries again goes elsewhere for as long as the first one is busy.
      if (phase !== 'status 529') expect(calls[1]).toBe(0)
      expect(exchanges.every(({ attempts }) => attempts.length === 1)).toBe(true)
      expect(exchanges.filter(({ outcome }) => outcome !== 'completed').map(({ outcome }) => outcome)).toEqual([
        phase === 'status 529' ? 'failed' : 'upstream-truncated',
      ])
    },
  )
})
