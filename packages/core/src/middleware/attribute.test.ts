import { expect, test, vi } from 'vitest'
import { environment, everyRequest, mainTurn, modern, project, session, system, tool, user, type FixtureRequest } from '../../test/claude-code-requests.ts'
import type { Attribution } from '../entry/attribution.ts'
import { ConfigurationError, type Fault } from '../errors.ts'
import { createGateway, type Gateway } from '../gateway.ts'
import type { LedgerEntry } from '../ports/ledger.ts'
import { swapCredential } from '../route/upstream-credential.ts'
import { clientRequest } from '../testing/client-request.ts'
import { collectingSink, type CollectingSink } from '../testing/collecting-sink.ts'
import { manualClock, type ManualClock } from '../testing/manual-clock.ts'
import { scriptedTransport } from '../testing/scripted-transport.ts'
import { attribute, defaultAttributeOptions, type AttributeOptions } from './attribute.ts'
import { authenticate, staticKeys } from './authenticate.ts'

interface Bench {
  readonly clock: ManualClock
  readonly faults: Fault[]
  readonly gateway: Gateway
  readonly entries: LedgerEntry[]
  readonly send: (request: FixtureRequest, key?: string) => { readonly sink: CollectingSink; readonly entry: Promise<Attribution> }
}

const alice = 'alice-key-0123456789'
const bob = 'bob-key-0123456789ab'

function bench(options: AttributeOptions = {}, isAuthenticated = false, maxBodyBytes = 1_000_000): Bench {
  const clock = manualClock()
  const faults: Fault[] = []
  const entries: LedgerEntry[] = []
  const transport = scriptedTransport(() => ({ headers: [['content-type', 'application/json']], body: ['{}'] }))
  const upstreams = [{ name: 'scripted', baseUrl: 'https://upstream.test', credential: swapCredential('sk-ant-test') }]
  const bare = createGateway({ runtime: { transport }, upstreams, maxBodyBytes, host: { clock, onFault: (fault) => faults.push(fault) } })
  const ring = staticKeys([
    { developer: 'alice', secret: alice },
    { developer: 'bob', secret: bob },
  ])
  const gateway = (isAuthenticated ? bare.use(authenticate(ring)).use(attribute({ clock, ...options })) : bare.use(attribute({ clock, ...options }))).record({
    append: (entry) => Promise.resolve(void entries.push(entry)),
    report: () => Promise.resolve([]),
    exchanges: () => Promise.resolve([]),
  })
  return {
    clock,
    faults,
    gateway,
    entries,
    send: ({ method, target, headers, json }, key) => {
      const sink = collectingSink()
      const all = key === undefined ? headers : [...headers, ['x-api-key', key] as const]
      const handled = gateway.handle(clientRequest({ method, target, headers: all, ...(json !== undefined && { json }) }), sink)
      const entry = handled.then((settlement) => entries.find(({ exchangeId }) => exchangeId === settlement?.exchangeId)?.attribution as Attribution)
      return { sink, entry }
    },
  }
}

const title = (everyRequest.find(([name]) => name === 'title') as (typeof everyRequest)[number])[1]
const main = modern(mainTurn())
const settle = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 0))

test('attribution needs no configuration, and its object reaches the ledger', async () => {
  const { send } = bench()
  expect(await send(main).entry).toMatchObject({
    session: { value: session, source: 'header' },
    developer: { value: 'device-a1a1a1a1a1a1', source: 'metadata' },
    repository: { value: 'payments-api', source: 'working-directory' },
    kind: { value: 'main', source: 'request-shape' },
    tags: {},
  })
})

test('a developer comes from the key before any header', async () => {
  const declared: FixtureRequest = { ...main, headers: [...main.headers, ['x-sluice-developer', 'carol']] }
  expect((await bench({}, true).send(declared, alice).entry).developer).toEqual({ value: 'alice', source: 'key' })
  expect((await bench().send(declared).entry).developer).toEqual({ value: 'carol', source: 'header' })
})

test('a declared repository goes before every path, by its header or by a tag', async () => {
  const { send } = bench({ repositoryHeader: 'X-Repo' })
  const byHeader = { ...main, headers: [...main.headers, ['x-repo', 'git@github.com:acme/ledger.git'] as const] }
  const byTag = { ...main, headers: [...main.headers, ['x-sluice-tags', 'repository=ledger, team=payments'] as const] }
  expect((await send(byHeader).entry).repository).toEqual({ value: 'acme/ledger', source: 'header' })
  expect(await send(byTag).entry).toMatchObject({ repository: { value: 'ledger', source: 'header' }, tags: { team: 'payments' } })
})

test('H4: a title that leaves before its session has said where it works is served at once and labelled when the first turn comes', async () => {
  const { send, clock, entries } = bench()
  const early = send(title)
  await settle()
  expect([early.sink.state, entries.length]).toEqual(['closed', 0])
  await clock.advanceAsync(65)
  await send(main).entry
  expect((await early.entry).repository).toEqual({ value: 'payments-api', source: 'session' })
  expect(clock.pendingTimers).toBe(0)
})

test('a side call whose session never says where it works is recorded after two seconds, without a repository', async () => {
  const { send, clock, entries, gateway } = bench()
  const early = send(title)
  await clock.advanceAsync(1999)
  expect(entries).toEqual([])
  const drained = gateway.drain(10_000)
  await clock.advanceAsync(1)
  await drained
  expect(await early.entry).toMatchObject({ kind: { value: 'title' } })
  expect((await early.entry).repository).toBeUndefined()
})

test('once a session has spoken without a usable path, its side calls do not wait', async () => {
  const { send, clock } = bench()
  await send(modern(mainTurn('/tmp/4f0b6a0e-8f6f-4d0e-9d0c-2f6f6f1f2a3b'))).entry
  expect((await send(title).entry).repository).toBeUndefined()
  expect(clock.pendingTimers).toBe(0)
})

test('side calls, and turns after a compaction that hides the path, inherit from their session', async () => {
  const { send } = bench()
  await send(main).entry
  const hidden = modern(mainTurn('', { messages: [user('Continued.'), user('go')] }))
  for (const request of [title, hidden]) expect((await send(request).entry).repository).toEqual({ value: 'payments-api', source: 'session' })
})

test('a session that moves into a subdirectory stays with its repository, one that moves elsewhere does not', async () => {
  const { send } = bench()
  await send(main).entry
  expect((await send(modern(mainTurn(`${project}/services/ledger`))).entry).repository?.value).toBe('payments-api')
  expect((await send(modern(mainTurn('/home/dev/projects/ledger'))).entry).repository?.value).toBe('ledger')
})

test('a sub-agent elsewhere does not take its session along', async () => {
  const { send } = bench()
  await send(main).entry
  const away = modern(mainTurn('/home/dev/projects/ledger'), [['x-claude-code-agent-id', 'ada6fb100b468ff93']])
  expect((await send(away).entry).repository?.value).toBe('ledger')
  expect((await send(title).entry).repository?.value).toBe('payments-api')
})

test('two keys with one session id do not learn from each other', async () => {
  const { send, clock } = bench({}, true)
  await send(main, alice).entry
  const foreign = send(title, bob)
  await clock.advanceAsync(2000)
  expect((await foreign.entry).repository).toBeUndefined()
  expect((await send(title, alice).entry).repository?.value).toBe('payments-api')
})

test('the memory of sessions is bounded', async () => {
  const { send, clock } = bench({ sessionMemory: 1 })
  await send(main).entry
  await send({ ...main, headers: [['x-claude-code-session-id', 'another-session']] }).entry
  const forgotten = send(title)
  await clock.advanceAsync(2000)
  expect((await forgotten.entry).repository).toBeUndefined()
})

test('the privacy switches keep paths and devices out', async () => {
  const { send, clock } = bench({ isRepositoryLabelStored: false, isDeviceStored: false })
  const entry = await send(main).entry
  expect([entry.repository, entry.device, entry.developer]).toEqual([undefined, undefined, undefined])
  await send(title).entry
  expect(clock.pendingTimers).toBe(0)
})

test("an embedder's own rule names the repository, and the privacy filter still judges it", async () => {
  const rule = vi.fn((path: string) => (path.startsWith('/home/dev') ? `acme/${path.split('/').at(-1) as string}` : 'sk-ant-api03-abc'))
  const { send } = bench({ repositoryFromPath: rule })
  expect((await send(main).entry).repository).toEqual({ value: 'acme/payments-api', source: 'working-directory' })
  expect((await send(modern(mainTurn('/srv/ledger'), [['x-claude-code-agent-id', 'a1']])).entry).repository?.value).toBe('acme/payments-api')
  expect(rule).toHaveBeenCalledWith('/srv/ledger')
})

test('a rule that throws costs the label and not the request, and the operator hears of it', async () => {
  const { send, faults } = bench({
    repositoryFromPath: () => {
      throw new Error('broken rule')
    },
  })
  const { sink, entry } = send(main)
  expect((await entry).repository).toBeUndefined()
  expect([sink.status, faults.map(({ code }) => code)]).toEqual([200, ['settled-callback-threw']])
})

test('a body that is refused is attributed by its headers all the same', async () => {
  const { send } = bench({}, false, 100)
  const { sink, entry } = send({ ...main, headers: [...main.headers, ['x-sluice-developer', 'carol']] })
  expect(await entry).toMatchObject({ session: { value: session }, developer: { value: 'carol' } })
  expect(sink.status).toBe(413)
})

test('the request goes out as it came', async () => {
  const { send, entries } = bench()
  await send(modern(mainTurn(project, { system: system(environment('/x')), tools: [tool] }))).entry
  expect(entries[0]?.proof).toMatchObject({ patches: [], upstreamRequestDigest: entries[0]?.proof.requestDigest })
})

test.each([
  [{ repositoryHeader: 'not a header' }, 'repositoryHeader'],
  [{ developerHeader: '' }, 'developerHeader'],
  [{ tagsHeader: 'x:y' }, 'tagsHeader'],
  [{ sessionMemory: 0 }, 'sessionMemory'],
  [{ sessionMemory: 1.5 }, 'sessionMemory'],
])('%j is refused when the gateway is built', (options, option) => {
  expect(() => attribute(options)).toThrow(expect.toSatisfy((error) => ConfigurationError.is(error) && error.option === option) as Error)
})

test('the defaults are those that the types document', () => {
  expect(defaultAttributeOptions).toEqual({
    repositoryHeader: 'x-sluice-repository',
    developerHeader: 'x-sluice-developer',
    tagsHeader: 'x-sluice-tags',
    sessionMemory: 10000,
    isRepositoryLabelStored: true,
    isDeviceStored: true,
  })
})
