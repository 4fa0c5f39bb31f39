import type { BudgetStatusJson } from '@sluice/admin'
import { startRehearsal, type Rehearsal } from '@sluice/rehearsal'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ask, sluice, startGateway, until, type Gateway } from './sluice.ts'

const timeout = 60_000
const token = 'admin-token-CANARY-0123456789'
const directory = mkdtempSync(join(tmpdir(), 'sluice-admin-'))
let upstream: Rehearsal

beforeAll(async () => {
  upstream = await startRehearsal({ defaultScenario: 'text' })
})
afterAll(async () => {
  await upstream.close()
  rmSync(directory, { recursive: true })
})

interface KeyShown {
  readonly id: string
  readonly key: string
  readonly jwt: string
}

/** The commands of an administrator, against one gateway. */
function administrator({ url }: Gateway, adminToken = token) {
  const flags = ['--url', url, '--admin-token', adminToken]
  const json = async <Value>(...args: readonly string[]): Promise<Value> => {
    const { code, stdout, stderr } = await sluice([...args, ...flags, '--json'])
    expect([args, code, stderr]).toEqual([args, 0, ''])
    return JSON.parse(stdout) as Value
  }
  return { json, run: (...args: readonly string[]) => sluice([...args, ...flags]) }
}

const statusOf = async (url: string, headers: Readonly<Record<string, string>>): Promise<number> => {
  const reply = await ask(url, 'hello', headers)
  await reply.text()
  return reply.status
}

/** Starts a gateway as outside tools do. */
const contract = (store: string, more: readonly string[] = []): Promise<Gateway> =>
  startGateway(['--store', store, '--admin-token', token, '--upstream', upstream.url, ...more])

describe('keys and scopes', () => {
  test.each([
    ['whose clients bring their own credential', []],
    ['that holds the upstream key', ['--upstream-key', 'sk-ant-CANARY-UPSTREAM']],
    ['with configured keys beside', ['--upstream-key', 'sk-ant-CANARY-UPSTREAM', '--key', 'linus=a-secret-of-sixteen-or-more']],
  ])('issued on a gateway %s let in, in both presentations, until they are revoked; nothing of them is logged', { timeout }, async (_, more) => {
    const gateway = await contract(`sqlite:${join(directory, `keys-${more.length}.db`)}`, [...more, '--json-log'])
    const { json, run } = administrator(gateway)
    expect(await json('scopes', 'add', 'acme/web/ada', '--level', 'developer')).toMatchObject({
      path: 'acme/web/ada',
      level: 'developer',
      added: ['acme', 'acme/web', 'acme/web/ada'],
    })
    const { id, key, jwt } = await json<KeyShown>('keys', 'create', '--scope', 'acme/web/ada', '--expires', '30d')
    expect([key.includes(id), JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString())]).toMatchObject([
      true,
      { aud: 'claude-gateway', exp: expect.any(Number) as number },
    ])
    const presentations = [{ 'x-api-key': key }, { 'x-api-key': key, authorization: `Bearer ${key}` }, { 'x-api-key': jwt }]
    for (const headers of presentations) expect(await statusOf(gateway.url, headers)).toBe(200)
    const changed = `${key.slice(0, -1)}${key.endsWith('0') ? '1' : '0'}`
    expect([changed === key, await statusOf(gateway.url, { 'x-api-key': changed })]).toEqual([false, more.length === 0 ? 200 : 401])
    expect(await json('report', '--group-by', 'developer,key,scope', '--where', `key=${id}`)).toMatchObject([
      { developer: 'ada', key: id, scope: 'acme/web/ada', exchanges: 3 },
    ])
    expect((await run('keys', 'revoke', '--reason', 'left the company', id)).stdout).toBe(`Revoked ${id}.\n`)
    for (const headers of presentations) expect(await statusOf(gateway.url, headers)).toBe(401)
    const { stdout, stderr } = await gateway.stop()
    for (const secret of [key, jwt, key.slice(-38), 'CANARY']) expect([secret, (stdout + stderr).includes(secret)]).toEqual([secret, false])
    expect(
      upstream.calls.some((call) =>
        [call.header('x-api-key'), call.header('authorization') ?? ''].some((value) => value?.includes(key) === true || value?.includes(jwt) === true),
      ),
    ).toBe(false)
  })

  test('a rotated key has two secrets until the overlap ends, and an archived scope none', { timeout }, async () => {
    const gateway = await startGateway(['--rehearse', '--admin-token', token])
    const { json, run } = administrator(gateway)
    await json('scopes', 'add', 'acme/web')
    const first = await json<KeyShown>('keys', 'create', '--scope', 'acme/web', '--developer', 'ada', '--models', 'claude-*', '--tag', 'team=pay')
    const second = await json<KeyShown>('keys', 'rotate', first.id, '--overlap', '1h')
    const third = await json<KeyShown>('keys', 'rotate', first.id, '--overlap', '0')
    const taken: number[] = []
    for (const { key } of [first, second, third]) taken.push(await statusOf(gateway.url, { 'x-api-key': key }))
    expect(taken).toEqual([401, 401, 200])
    expect(await json('keys', 'list', '--scope', 'acme')).toMatchObject([
      { id: first.id, developer: 'ada', tags: { team: 'pay' }, restrictions: { models: ['claude-*'] }, state: 'active' },
    ])
    expect((await run('keys', 'list')).stdout).toMatch(new RegExp(`^${first.id} +active +ada`, 'm'))
    await json('scopes', 'archive', 'acme/web', '--reason', 'sold')
    expect(await run('keys', 'create', '--scope', 'acme/web')).toMatchObject({ code: 1, stderr: expect.stringContaining('is archived') as string })
    expect(await run('keys', 'create', '--scope', 'acme/nowhere')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('There is no scope "acme/nowhere"') as string,
    })
    await gateway.stop()
  })
})

describe('budgets, limits and the audit log', () => {
  test('a budget is set, seen, raised and removed; what is spent counts, and everything is in the audit log', { timeout }, async () => {
    const gateway = await contract('memory', ['--upstream-key', 'sk-ant-x', '--time-zone', 'UTC'])
    const { json, run } = administrator(gateway)
    await json('scopes', 'add', 'acme/web')
    const { key, id: keyId } = await json<KeyShown>('keys', 'create', '--scope', 'acme/web')
    const { id } = await json<{ id: string }>('budgets', 'set', '--scope', 'acme', '--amount-usd', '0.25', '--window', 'day', '--thresholds', '50,90')
    expect(await statusOf(gateway.url, { 'x-api-key': key })).toBe(200)
    const shown = await json<BudgetStatusJson>('budgets', 'show', '--scope', 'acme')
    expect(shown).toMatchObject({
      id,
      cap: '250000000',
      capUsd: '0.250000000',
      hardCap: '275000000',
      held: '0',
      resetsAt: expect.stringMatching(/T00:00:00\.000Z$/) as string,
    })
    const [{ costNanoUsd }] = await json<[{ costNanoUsd: string }]>('report', '--where', `key=${keyId}`)
    expect([shown.spent, BigInt(shown.remaining)]).toEqual([costNanoUsd, 275_000_000n - BigInt(costNanoUsd)])
    expect(await json('budgets', 'effective', '--developer', 'web')).toMatchObject({ budgets: [{ applies: 'yes', status: { id } }], warnings: [] })
    expect(await json('budgets', 'raise', id, '--amount-usd', '1', '--until', '2d', '--reason', 'release week')).toMatchObject({
      raises: [{ amount: '1000000000', reason: 'release week' }],
    })
    expect(await json('budgets', 'show', id)).toMatchObject({ cap: '1250000000' })
    const misspelt = await run('budgets', 'set', '--scope', 'acme/wbe', '--amount-usd', '1', '--window', 'total', '--strict')
    expect(misspelt).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('warning: There is no scope "acme/wbe"') as string,
      stdout: expect.stringContaining('for 0 keys at present') as string,
    })
    expect(await json('limits', 'set', '--tag', 'repository=acme/x', '--concurrency', '5', '--each', 'developer')).toMatchObject({
      unit: 'concurrency',
      amount: 5,
      each: 'developer',
      queueMillis: 30_000,
    })
    expect(await json('budgets', 'list')).toHaveLength(2)
    expect(await json('budgets', 'remove', id, '--reason', 'over')).toEqual({ removed: id })
    expect(await run('budgets', 'show', '--scope', 'acme')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('No budget is set on just that.') as string,
    })
    const actions = (await json<{ action: string; actor: string }[]>('audit', 'list')).map(({ action, actor }) => `${actor} ${action}`)
    expect(actions).toEqual(
      ['scope.add', 'scope.add', 'key.issue', 'budget.define', 'budget.raise', 'budget.define', 'limit.define', 'budget.remove'].map(
        (action) => `admin ${action}`,
      ),
    )
    expect(await json('audit', 'verify')).toMatchObject({ kind: 'intact', records: 8 })
    await gateway.stop()
  })

  test('a key whose budget is used up is refused, and told which', { timeout }, async () => {
    const gateway = await contract('memory', ['--upstream-key', 'sk-ant-x'])
    const { json } = administrator(gateway)
    await json('scopes', 'add', 'acme/web')
    const { key } = await json<KeyShown>('keys', 'create', '--scope', 'acme/web')
    await json('budgets', 'set', '--scope', 'acme/web', '--requests', '1', '--window', 'month', '--strict', '--notice', 'Ask Grace.')
    expect(await statusOf(gateway.url, { 'x-api-key': key })).toBe(200)
    const refused = await ask(gateway.url, 'hello', { 'x-api-key': key })
    expect([refused.status, refused.headers.get('x-should-retry'), await refused.text()]).toEqual([
      429,
      'false',
      expect.stringMatching(/billing_error.*acme\/web.*Ask Grace\./),
    ])
    await gateway.stop()
  })
})

describe('who may administer', () => {
  test('without a token programs on this machine may look, and nobody may change', { timeout }, async () => {
    const gateway = await startGateway(['--rehearse'])
    expect(await sluice(['scopes', 'list', '--url', gateway.url])).toMatchObject({ code: 0, stdout: expect.stringContaining('No scope yet.') as string })
    expect(await sluice(['scopes', 'add', 'acme', '--url', gateway.url])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Start it with --admin-token') as string,
    })
    expect(await administrator(gateway, 'another-token-0123456789').run('scopes', 'list')).toMatchObject({ code: 0 })
    await gateway.stop()
  })

  test('tokens of the configuration go as far as their role and scope, under their own names', { timeout }, async () => {
    const gateway = await startGateway([], {
      cwd: fileURLToPath(new URL('fixtures/tokens', import.meta.url)),
      env: { ADMIN: token, WEB: 'web-lead-CANARY-0123456789' },
    })
    const root = administrator(gateway)
    const lead = administrator(gateway, 'web-lead-CANARY-0123456789')
    await root.json('scopes', 'add', 'acme/web')
    await root.json('scopes', 'add', 'acme/ops')
    await lead.json('keys', 'create', '--scope', 'acme/web')
    expect((await lead.run('keys', 'create', '--scope', 'acme/ops')).stderr).toContain('There is no scope "acme/ops" that this token may see')
    expect((await lead.run('budgets', 'set', '--scope', 'acme/web', '--amount-usd', '1')).stderr).toContain('has the role operate, and this needs admin')
    expect((await root.json<{ actor: string }[]>('audit', 'list')).map(({ actor }) => actor)).toEqual(['root', 'root', 'root', 'web-lead'])
    await gateway.stop()
  })
})

test('a body beyond the cap gets its answer, and the connection lives on', { timeout }, async () => {
  const gateway = await startGateway(['--rehearse', '--admin-token', token])
  const post = (authorization: string): Promise<Response> =>
    fetch(`${gateway.url}/admin/v1/scopes`, { method: 'POST', headers: { authorization, 'content-type': 'application/json' }, body: 'x'.repeat(5_000_000) })
  const replies = [await post(`Bearer ${token}`), await post('Bearer nobody')]
  expect(replies.map(({ status, headers }) => [status, headers.get('connection')])).toEqual([
    [413, 'keep-alive'],
    [401, 'keep-alive'],
  ])
  await gateway.stop()
})

describe.concurrent('the store', () => {
  test('in a file keeps keys, budgets and spend across a restart; only one gateway may have it', { timeout }, async () => {
    const store = `sqlite:${join(directory, 'kept.db')}`
    const first = await contract(store)
    await administrator(first).json('scopes', 'add', 'acme/web')
    const { key, id } = await administrator(first).json<KeyShown>('keys', 'create', '--scope', 'acme/web')
    expect(await statusOf(first.url, { 'x-api-key': key })).toBe(200)
    const second = await sluice(['start', '--port', '0', '--store', store, '--upstream', upstream.url])
    expect(second).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/is held by process \d+/) as string })
    expect((await first.stop()).code).toBe(0)
    const again = await contract(store)
    expect(await statusOf(again.url, { 'x-api-key': key })).toBe(200)
    expect(await administrator(again).json('report', '--group-by', 'key')).toMatchObject([{ key: id, exchanges: 2 }])
    expect((await again.stop()).stdout).toContain(`Spend, keys and budgets are kept in ${join(directory, 'kept.db')}.`)
  })

  test('of a gateway that was killed has what was under way in its books when it is opened again, and nothing is held', { timeout }, async () => {
    const path = join(directory, 'killed.db')
    const first = await contract(`sqlite:${path}`)
    const { json } = administrator(first)
    await json('scopes', 'add', 'acme/web')
    const { key, id } = await json<KeyShown>('keys', 'create', '--scope', 'acme/web')
    await json('budgets', 'set', '--scope', 'acme', '--amount-usd', '5', '--window', 'total')
    const reply = await ask(first.url, 'stall', { 'x-api-key': key, 'x-rehearsal-scenario': 'stall' })
    expect(BigInt((await json<BudgetStatusJson>('budgets', 'show', '--scope', 'acme')).held)).toBeGreaterThan(0n)
    // The command runs the gateway in a process of its own, which is the one that dies.
    process.kill((JSON.parse(readFileSync(`${path}-holder`, 'utf8')) as { process: number }).process, 'SIGKILL')
    await first.finished
    await reply.text().catch(() => undefined)
    const again = await contract(`sqlite:${path}`)
    const after = administrator(again)
    expect(await after.json('report', '--group-by', 'key')).toMatchObject([{ key: id, exchanges: 1, partialExchanges: 1 }])
    expect(await after.json('budgets', 'show', '--scope', 'acme')).toMatchObject({ held: '0', spent: expect.stringMatching(/^[1-9]/) as string })
    await again.stop()
  })

  test('is a file beside the configuration unless told otherwise; where another gateway has it, memory, and it says so', { timeout }, async () => {
    const cwd = mkdtempSync(join(directory, 'default-'))
    const start = (): Promise<Gateway> => startGateway(['--upstream', upstream.url], { cwd, env: { SLUICE_STORE: '' } })
    const first = await start()
    expect(statSync(join(cwd, '.sluice', 'sluice.db')).mode & 0o077).toBe(0)
    const second = await start()
    expect((await second.stop()).stderr).toContain('.sluice/sluice.db is open in another gateway, so this one keeps everything in memory')
    expect((await first.stop()).stdout).toContain(join(cwd, '.sluice', 'sluice.db'))
  })

  test.each([
    ['sqlite:/dev/null/x.db', '--store: '],
    ['postgres://nobody:CANARY@127.0.0.1:1/none', '--store: PostgreSQL did not answer'],
  ])('%s that cannot be opened ends the start with 1 and says why, without its password', { timeout }, async (store, message) => {
    const { code, stdout, stderr } = await sluice(['start', '--port', '0', '--store', store, '--rehearse'])
    expect([code, stdout, stderr]).toEqual([1, '', expect.stringContaining(message)])
    expect(stderr).not.toContain('CANARY')
  })
})

test('sluice report --view prints the chargeback views', { timeout }, async () => {
  const gateway = await startGateway(['--rehearse', '--admin-token', token])
  for (const session of ['a', 'b', 'b']) await statusOf(gateway.url, { 'x-claude-code-session-id': `0a1b2c3d-0000-4000-8000-00000000000${session}` })
  // A side call of a session that is not known yet is settled a moment later.
  await until(gateway, ({ stdout }) => (stdout.match(/200 completed/g)?.length === 3 ? true : undefined))
  const { json, run } = administrator(gateway)
  expect(await json('report', '--view', 'leaderboard', '--group-by', 'session')).toMatchObject({
    by: 'session',
    places: [
      { rank: 1, exchanges: 2 },
      { rank: 2, exchanges: 1 },
    ],
  })
  expect(await json('report', '--view', 'sessions')).toMatchObject({ sessions: 2, withoutSessionNanoUsd: '0' })
  expect((await run('report', '--view', 'concentration', '--group-by', 'session')).stdout).toMatch(/10% +1 +\$/)
  expect((await run('report', '--view', 'cache-health')).stdout).toContain('Read from the cache: 0.0%')
  expect(await json('report', '--group-by', 'cost-centre')).toMatchObject([{ costCentre: null, exchanges: 3 }])
  await gateway.stop()
})
