import { afterAll, describe, expect, test } from 'vitest'
import { createGateway } from '../src/gateway.ts'
import { attribute } from '../src/middleware/attribute.ts'
import { seededRandom } from '../src/policy/simulated-sessions.ts'
import { TransportError } from '../src/ports/runtime.ts'
import type { Router } from '../src/route/router.ts'
import { sessionAffine } from '../src/route/session-affine.ts'
import { swapCredential } from '../src/route/upstream-credential.ts'
import { upstreamHealth } from '../src/route/upstream-health.ts'
import { clientRequest } from '../src/testing/client-request.ts'
import { collectingSink } from '../src/testing/collecting-sink.ts'
import { manualClock } from '../src/testing/manual-clock.ts'
import { scriptedTransport } from '../src/testing/scripted-transport.ts'
import { toText } from '../src/wire/bytes.ts'
import { PrefixCacheSimulator } from './prefix-cache-simulator.ts'

interface Turn {
  readonly session: string
  readonly agent: string | undefined
  /** Milliseconds since the first one. */
  readonly at: number
  readonly body: string
}

type Json = Readonly<Record<string, unknown>>

const minuteMillis = 60_000
const tools: readonly Json[] = Array.from({ length: 12 }, (_, index) => ({
  name: `Tool${index}`,
  description: 'd'.repeat(600),
  input_schema: { type: 'object' },
}))
const short = { cache_control: { type: 'ephemeral' } }
const long = { cache_control: { type: 'ephemeral', ttl: '1h' } }

/**
 * Sessions as Claude Code sends them: marks on the system prompt and on the last block alone, earlier messages in one form or the other, breaks longer than the cache
 * lives, sub-agents with a prompt and fewer tools of their own, many sessions at once.
 */
function turns(sessions: number, perSession: number): readonly Turn[] {
  const random = seededRandom(7)
  const all: Turn[] = []
  const loop = (number: number, agent: string | undefined, start: number, count: number): void => {
    const session = `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
    const mark = number % 3 === 0 ? long : short
    const system = [
      { type: 'text', text: `x-anthropic-billing-header: cc_version=2.1.330.${number}; cc_entrypoint=cli;` },
      { type: 'text', text: 'You are Claude Code.', ...mark },
      { type: 'text', text: (agent ?? 'main').repeat(2_000), ...mark },
    ]
    const history: { readonly role: string; readonly text: string }[] = [{ role: 'user', text: `task ${number} ${agent} ${'t'.repeat(3_000)}` }]
    let at = start
    for (let turn = 0; turn < count; turn += 1) {
      const messages = history.map(({ role, text }, index) => {
        const isLast = index === history.length - 1
        return { role, content: isLast || (index + turn) % 2 === 0 ? [{ type: 'text', text, ...(isLast && mark) }] : text }
      })
      all.push({
        session,
        agent,
        at,
        body: JSON.stringify({
          model: 'claude-opus-5-5',
          max_tokens: 64_000,
          messages,
          system,
          tools: agent === undefined ? tools : tools.slice(4),
          stream: false,
        }),
      })
      history.push({ role: 'assistant', text: `answer ${turn} ${'a'.repeat(Math.floor(random() * 1_200))}` })
      history.push({ role: 'user', text: `result ${turn} ${'r'.repeat(Math.floor(random() * 4_000))}` })
      at += (random() < 0.05 ? 8 : 0.1 + random() * 0.6) * minuteMillis
      if (agent === undefined && turn % 10 === 5) loop(number, `agent${number}x${turn}`.padEnd(17, '0'), at, 6)
    }
  }
  for (let number = 0; number < sessions; number += 1) loop(number, undefined, random() * 10 * minuteMillis, perSession)
  return all.toSorted((one, other) => one.at - other.at)
}

interface Run {
  /** Tokens read from caches, by session. */
  readonly read: ReadonlyMap<string, number>
  readonly total: number
  readonly answered: number
}

/** What a provider's caches give for these turns; `ask` sends one, and says where it arrived, as what. */
async function run(sent: readonly Turn[], ask: (turn: Turn, cache: PrefixCacheSimulator) => Promise<number | undefined>): Promise<Run> {
  const cache = new PrefixCacheSimulator()
  const read = new Map<string, number>()
  let answered = 0
  for (const turn of sent) {
    const tokens = await ask(turn, cache)
    if (tokens === undefined) continue
    answered += 1
    read.set(turn.session, (read.get(turn.session) ?? 0) + tokens)
  }
  return { read, total: [...read.values()].reduce((sum, tokens) => sum + tokens, 0), answered }
}

const direct = (sent: readonly Turn[]): Promise<Run> => run(sent, async ({ body, at }, cache) => cache.send(body, 'one', at).readTokens)

/** Through a gateway over these upstreams; `isDown` says which cannot be reached, and when. */
function through(sent: readonly Turn[], names: readonly string[], router: Router, isDown: (name: string, at: number) => boolean = () => false): Promise<Run> {
  const clock = manualClock()
  const start = clock.now()
  let cache = new PrefixCacheSimulator()
  let read: number | undefined
  const transport = scriptedTransport((request) => {
    const name = /:\/\/(\w+)/.exec(request.origin)?.[1] ?? ''
    if (isDown(name, clock.now() - start)) return { failWith: new TransportError('connect', 'unreachable') }
    const use = cache.send(request.body.map((chunk) => toText(chunk)).join(''), name, clock.now() - start)
    read = use.readTokens
    const usage = {
      input_tokens: use.freshTokens,
      cache_read_input_tokens: use.readTokens,
      cache_creation_input_tokens: use.writtenTokens,
      output_tokens: 200,
    }
    return {
      headers: [['content-type', 'application/json']],
      body: [JSON.stringify({ id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-opus-5-5', content: [], stop_reason: 'end_turn', usage })],
    }
  })
  let ids = 0
  const gateway = createGateway({
    runtime: { transport },
    upstreams: names.map((name) => ({ name, baseUrl: `https://${name}.test`, credential: swapCredential(`sk-ant-${name}`) })),
    host: { clock, newId: () => `ex_${(ids += 1)}` },
    attempts: { health: upstreamHealth({ clock }) },
  })
    .use(attribute())
    .route(router)
  return run(sent, async ({ session, agent, at, body }, its) => {
    cache = its
    clock.advance(Math.max(0, start + at - clock.now()))
    read = undefined
    const headers: [string, string][] = [
      ['content-type', 'application/json'],
      ['user-agent', 'claude-cli/2.1.330 (external, cli)'],
      ['x-claude-code-session-id', session],
    ]
    if (agent !== undefined) headers.push(['x-claude-code-agent-id', agent])
    await gateway.handle(clientRequest({ target: '/v1/messages?beta=true', headers, body }), collectingSink())
    return read
  })
}

const sessionCount = 16
const sent = turns(sessionCount, 24)
const names = ['a', 'b', 'c', 'd']
const targets = names.map((upstream) => ({ upstream }))
const loss = (of: Run, against: Run): number => 1 - of.total / against.total

const timeout = 60_000

const table: string[] = []
const told = (way: string, { total }: Run, against: Run): void => {
  const lost = ((1 - total / against.total) * 100).toFixed(2)
  table.push(`${way.padEnd(52)} ${String(total).padStart(9)} tokens read  ${lost.padStart(6)} % lost`)
}
afterAll(() => console.log(table.join('\n')))

describe('R19: cache parity over sessions shaped as those of Claude Code', { timeout }, () => {
  test('R19: through one upstream each session has the very hit tokens that it has direct', async () => {
    const [plain, gateway] = [await direct(sent), await through(sent, ['a'], () => ({ upstream: 'a' }))]
    expect(gateway.answered).toBe(sent.length)
    expect(plain.total).toBeGreaterThan(500_000)
    expect(gateway.read).toEqual(plain.read)
    told('direct', plain, plain)
    told('through one upstream', gateway, plain)
  })

  test('R19: over four upstreams with affinity at most one percent of the hit tokens is lost', async () => {
    const spread = await through(sent, names, sessionAffine({ targets }))
    expect(spread.answered).toBe(sent.length)
    const plain = await direct(sent)
    expect(loss(spread, plain)).toBeLessThanOrEqual(0.01)
    told('over four upstreams with affinity', spread, plain)
  })

  test('R19: an upstream that dies and comes back costs its own sessions two moves, and the others nothing', async () => {
    const affine = await through(sent, names, sessionAffine({ targets }))
    const isDown = (name: string, at: number): boolean => name === 'b' && at > 8 * minuteMillis && at < 12 * minuteMillis
    const failing = await through(sent, names, sessionAffine({ targets }), isDown)
    expect(failing.answered).toBe(sent.length)
    const moved = [...affine.read].filter(([session, tokens]) => failing.read.get(session) !== tokens)
    // A quarter of the sessions and agents; an agent of a session may live elsewhere.
    expect(moved.length).toBeGreaterThan(0)
    expect(moved.length).toBeLessThan(sessionCount)
    expect(loss(failing, affine)).toBeLessThan(0.05)
    told('with affinity, one of four out for four minutes', failing, affine)
  })

  test('without affinity most of it is lost: the simulator is no friend of gateways', async () => {
    let next = 0
    const roundRobin = await through(sent, names, () => ({ upstream: names[(next += 1) % 4] as string }))
    const plain = await direct(sent)
    expect(loss(roundRobin, plain)).toBeGreaterThan(0.2)
    told('over four upstreams in turn, without affinity', roundRobin, plain)
  })
})
