import { startRehearsal, type Rehearsal } from '@sluice/rehearsal'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ExchangeJson, ReportRowJson } from '@sluice/admin'
import { version } from '../src/version.ts'
import { ask, sluice, startGateway, type Gateway } from './sluice.ts'

const timeout = 30_000
const secret = 'sluice-test-CANARY-0123456789'
const session = '0a1b2c3d-0000-4000-8000-000000000001'
let upstream: Rehearsal
let gateway: Gateway

beforeAll(async () => {
  upstream = await startRehearsal({ defaultScenario: 'text' })
  gateway = await startGateway(['--upstream', upstream.url, '--time-zone', 'Europe/Berlin'])
  await (await ask(gateway.url, 'hello', { 'x-claude-code-session-id': session, 'x-sluice-repository': 'acme/payments' })).text()
  await (await ask(gateway.url, 'hello again', { 'x-claude-code-session-id': session, 'x-sluice-repository': 'acme/payments' })).text()
  await (await ask(gateway.url, 'cut', { 'x-rehearsal-scenario': 'cut; how=fin' })).text().catch(() => undefined)
}, timeout)
afterAll(async () => {
  await gateway.stop()
  await upstream.close()
})

async function json<Value>(...args: readonly string[]): Promise<Value> {
  const { code, stdout, stderr } = await sluice([...args, '--url', gateway.url, '--json'])
  expect([code, stderr]).toEqual([0, ''])
  return JSON.parse(stdout) as Value
}

/** A request to the read API with exactly these headers; answers the status and the error's type. */
function raw(path: string, headers: http.OutgoingHttpHeaders = {}, to = gateway.url, method = 'GET'): Promise<string> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(to)
    const call = http.request({ hostname, port, path, headers, method, agent: false }, (response) => {
      let body = ''
      response.on('data', (chunk: Buffer) => (body += chunk.toString()))
      response.on('end', () => resolve(`${response.statusCode} ${(JSON.parse(body) as { error?: { type: string } }).error?.type ?? 'ok'}`))
    })
    call.on('error', reject)
    call.end()
  })
}

const figures = [
  'exchanges',
  'freshInputTokens',
  'cacheReadTokens',
  'cacheWrite5mTokens',
  'cacheWrite1hTokens',
  'outputTokens',
  'webSearchRequests',
  'webFetchRequests',
  'unpricedExchanges',
  'partialExchanges',
] as const

describe.concurrent('sluice report', () => {
  test('--json prints an array of rows with every figure of the contract, the cost as text, the group flat on the row', { timeout }, async () => {
    const rows = await json<ReportRowJson[]>('report', '--group-by', 'session,developer,repository,model,agent,kind')
    expect(rows).toHaveLength(2)
    const row = rows.find((candidate) => candidate.session === session)
    expect(row).toMatchObject({
      session,
      repository: 'acme/payments',
      model: 'claude-opus-5-5',
      agent: null,
      exchanges: 2,
      unpricedExchanges: 0,
      partialExchanges: 0,
    })
    expect(row).toHaveProperty('developer')
    for (const figure of figures) expect(row?.[figure]).toBeTypeOf('number')
    expect(row?.costNanoUsd).toMatch(/^[1-9]\d*$/)
    expect(row?.durationMillis).toMatchObject({ p50: expect.any(Number), p90: expect.any(Number), p99: expect.any(Number) })
    expect(rows.find((candidate) => candidate.session === null)).toMatchObject({ exchanges: 1, partialExchanges: 1 })
  })

  test('without --group-by there is one row, the total of the groups', { timeout }, async () => {
    const [total, ...more] = await json<ReportRowJson[]>('report', '--since', '24h')
    const rows = await json<ReportRowJson[]>('report', '--group-by', 'session', '--since', '24h')
    expect(more).toEqual([])
    expect(total?.exchanges).toBe(3)
    expect(BigInt(total?.costNanoUsd ?? 0)).toBe(rows.reduce((sum, row) => sum + BigInt(row.costNanoUsd), 0n))
    expect(await json<ReportRowJson[]>('report', '--until', '24h')).toMatchObject([{ exchanges: 0, costNanoUsd: '0', durationMillis: null }])
  })

  test("--where narrows, and hours are of the time zone asked for, or the gateway's", { timeout }, async () => {
    expect(await json<ReportRowJson[]>('report', '--where', `session=${session}`)).toMatchObject([{ exchanges: 2 }])
    const hour = async (...zone: readonly string[]): Promise<string | null | undefined> =>
      (await json<ReportRowJson[]>('report', '--group-by', 'hour', '--where', `session=${session}`, ...zone))[0]?.hour
    const [berlin, utc] = [await hour(), await hour('--time-zone', 'UTC')]
    expect(berlin).toMatch(/^\d{4}-\d\d-\d\dT\d\d$/)
    expect(berlin).not.toBe(utc)
  })

  test('on a terminal it is a table, and --csv is CSV', { timeout }, async () => {
    const shown = await sluice(['report', '--url', gateway.url, '--group-by', 'session,repository'])
    expect(shown.stdout).toMatch(/^session +repository +exchanges .*cost/)
    expect(shown.stdout).toMatch(new RegExp(`^${session} +acme/payments +2 .*\\$0\\.\\d{2,6}`, 'm'))
    expect(shown.stdout).toContain('1 of them broke off')
    const csv = await sluice(['report', '--url', gateway.url, '--group-by', 'session', '--csv'])
    expect(csv.stdout.split('\r\n')[0]).toMatch(/^session,exchanges,freshInputTokens/)
  })

  test.each([
    [['--group-by', 'sesion'], 2, 'Did you mean session?'],
    [['--since', 'yesterday'], 2, '--since: saw "yesterday"'],
    [['--json', '--csv'], 2, 'Give one of them'],
    [['--url', 'http://127.0.0.1:1'], 1, 'no gateway answers at http://127.0.0.1:1 (ECONNREFUSED)'],
    [['--url', 'here'], 2, '--url: saw "here"'],
  ])('%j ends with %d and says why', { timeout }, async (args, code, message) => {
    expect(await sluice(['report', '--url', gateway.url, ...args])).toMatchObject({ code, stderr: expect.stringContaining(message) as string })
  })
})

describe.concurrent('sluice exchanges', () => {
  test('--json lists exchanges with outcome, attribution and its sources, usage, cost, digests and patches', { timeout }, async () => {
    const exchanges = await json<ExchangeJson[]>('exchanges')
    expect(exchanges.map(({ outcome }) => outcome)).toEqual(['upstream-truncated', 'completed', 'completed'])
    const [cut, completed] = exchanges
    expect(completed).toMatchObject({
      id: expect.stringMatching(/^ex_/) as string,
      error: null,
      status: 200,
      method: 'POST',
      path: '/v1/messages',
      attribution: {
        session: { value: session, source: 'header' },
        repository: { value: 'acme/payments', source: 'header' },
        kind: { value: expect.any(String) as string, source: expect.any(String) as string },
      },
      requestedModel: 'claude-opus-5-5',
      resolvedModel: 'claude-opus-5-5',
      billedModel: 'claude-opus-5-5',
      stream: true,
      usage: { source: 'final', lines: [{ model: 'claude-opus-5-5', role: 'message' }], flags: [] },
      cost: { state: 'priced', nanoUsd: completed?.costNanoUsd, lines: [{ nanoUsd: completed?.costNanoUsd }], priceVersion: expect.any(String) as string },
      attempts: [{ status: 200 }],
      messageId: expect.stringMatching(/^msg_/) as string,
      patches: [],
    })
    expect(completed?.upstreamRequestId).toBeTypeOf('string')
    expect(completed?.startedAt).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
    expect(completed?.durationMillis).toBe(Date.parse(completed?.endedAt ?? '') - Date.parse(completed?.startedAt ?? ''))
    expect(completed?.requestDigest).toMatch(/^crc32:[0-9a-f]{8}$/)
    expect(completed?.upstreamRequestDigest).toBe(completed?.requestDigest)
    expect(completed?.responseDigest).toMatch(/^crc32:[0-9a-f]{8}$/)
    expect(completed?.upstreamResponseDigest).toBe(completed?.responseDigest)
    expect(cut).toMatchObject({ usage: { source: 'partial' } })
  })

  test('what is not known is null: the digests of an exchange that never reached an upstream', { timeout }, async () => {
    const other = await startGateway(['--rehearse'])
    await (await ask(other.url, 'hello', { origin: 'https://evil.example' })).text()
    const { stdout } = await sluice(['exchanges', '--url', other.url, '--json'])
    await other.stop()
    const [refused] = JSON.parse(stdout) as [ExchangeJson]
    expect(refused).toMatchObject({
      outcome: 'refused',
      status: 403,
      error: { origin: 'gateway', code: 'refused' },
      upstreamRequestDigest: null,
      upstreamResponseDigest: null,
      responseDigest: null,
      billedModel: null,
    })
  })

  test('one is found by its id, its upstream request id or its message id, and shown in detail', { timeout }, async () => {
    const [exchange] = await json<ExchangeJson[]>('exchanges', '--session', session, '--limit', '1')
    for (const id of [exchange?.id, exchange?.upstreamRequestId, exchange?.messageId])
      expect(await json<ExchangeJson[]>('exchanges', '--id', id ?? '')).toEqual([exchange])
    const { stdout } = await sluice(['exchanges', '--url', gateway.url, '--id', exchange?.id ?? ''])
    expect(stdout).toMatch(/request out +crc32:\w+ \(the same bytes\)/)
    expect(await sluice(['exchanges', '--url', gateway.url, '--id', 'ex_none'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('knows no exchange "ex_none"') as string,
    })
  })
})

describe.concurrent('the read API', () => {
  const loopback = (): string => new URL(gateway.url).host

  test.each([
    ['this machine', {}, '200 ok'],
    ['localhost by name', { host: 'localhost' }, '200 ok'],
    ['a rebound DNS name', { host: 'evil.example' }, '403 permission_error'],
    ['a name that begins like an address', { host: '127.0.0.1.evil.example' }, '403 permission_error'],
    ["a page's script", { origin: 'https://evil.example' }, '403 permission_error'],
    ["this machine's own page", { origin: 'http://127.0.0.1:3000' }, '403 permission_error'],
    ['a cross-site request', { 'sec-fetch-site': 'cross-site' }, '403 permission_error'],
    ['somebody behind a proxy on this machine', { 'x-forwarded-for': '203.0.113.9' }, '403 permission_error'],
  ])('without a token answers %s as it should', async (_, headers, expected) => {
    expect(await raw('/admin/v1/report', { host: loopback(), ...headers })).toBe(expected)
  })

  test.each([
    ['/admin/v1/report/', '404 not_found_error'],
    ['/admin/v1/%72eport', '404 not_found_error'],
    ['/admin/v1/../v1/report', '404 not_found_error'],
    ['/admin/', '404 not_found_error'],
    ['/admin/v1/gateway', '200 ok'],
    ['/admin/v1/gateway/', '404 not_found_error'],
    ['/admin/v1/gateway?since=1', '400 invalid_request_error'],
    ['//admin/v1/report', '400 invalid_request_error'],
    ['/%61dmin/v1/report', '404 not_found_error'],
    ['/admin/v1/report?limit=0', '400 invalid_request_error'],
    ['/admin/v1/report?top=5', '400 invalid_request_error'],
    ['/admin/v1/exchanges?limit=0', '400 invalid_request_error'],
  ])('compares the raw path: %s is %s', async (path, expected) => expect(await raw(path)).toBe(expected))

  test('only reads', async () => expect(await raw('/admin/v1/report', {}, gateway.url, 'POST')).toBe('405 invalid_request_error'))

  test.each([
    ['a rehearsal', ['--rehearse'], { authentication: 'none', isRehearsal: true }],
    ['a rehearsal with keys', ['--rehearse', '--key', `ada=${secret}`], { authentication: 'key', isRehearsal: true }],
    ['one without authentication', ['--no-auth', '--upstream-key', 'sk-CANARY'], { authentication: 'none', isRehearsal: false }],
    ['one with keys', ['--upstream-key', 'sk-CANARY', '--key', `ada=${secret}`], { authentication: 'key', isRehearsal: false }],
    ['one with a key made for the run', ['--upstream-key', 'sk-CANARY'], { authentication: 'key', isRehearsal: false }],
    ['one with keys beside the credential of the client', ['--key', `ada=${secret}`], { authentication: 'key', isRehearsal: false }],
    ['one that passes credentials on', [], { authentication: 'client-credential', isRehearsal: false }],
  ])('tells how %s authenticates, and nothing secret', { timeout }, async (_, args, expected) => {
    const other = await startGateway(args)
    const text = await (await fetch(`${other.url}/admin/v1/gateway`)).text()
    await other.stop()
    expect(JSON.parse(text)).toEqual({ version, ...expected })
    expect(text).not.toContain('CANARY')
  })

  test('with a token asks everybody for it, from anywhere, and the command sends it', { timeout }, async () => {
    const token = 'admin-token-CANARY-1234'
    const guarded = await startGateway(['--rehearse', '--admin-token', token])
    expect(await raw('/admin/v1/report', {}, guarded.url)).toBe('401 authentication_error')
    expect(await raw('/admin/v1/gateway', {}, guarded.url)).toBe('401 authentication_error')
    expect(await raw('/admin/v1/report', { authorization: `Bearer ${token}x` }, guarded.url)).toBe('401 authentication_error')
    expect(await raw('/admin/v1/report', { authorization: `Bearer ${token}`, host: 'gateway.example' }, guarded.url)).toBe('200 ok')
    expect(await sluice(['report', '--url', guarded.url])).toMatchObject({ code: 1, stderr: expect.stringContaining('need its admin token') as string })
    const { code, stdout } = await sluice(['report', '--url', guarded.url], { env: { SLUICE_ADMIN_TOKEN: token } })
    expect([code, stdout]).toEqual([0, expect.stringContaining('No exchange yet.')])
    const { stdout: log, stderr } = await guarded.stop()
    expect(log + stderr).not.toContain(token)
  })
})

describe.concurrent('sluice run', () => {
  const tokenScript = 'console.log(process.env.ANTHROPIC_AUTH_TOKEN ?? null)'
  const runTo = async (to: string, env: Readonly<Record<string, string>> = {}, ...flags: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await sluice(['run', '--url', to, ...flags, '--', process.execPath, '-e', tokenScript], { env })
    return `${code} ${code === 0 ? stdout.trim() : stderr}`
  }

  test('before a gateway that asks for no key, a client without a credential gets a placeholder, and a credential of the user stays', { timeout }, async () => {
    const open = await startGateway(['--rehearse'])
    expect(await runTo(open.url)).toBe('0 sluice-open')
    expect(await runTo(open.url, { ANTHROPIC_AUTH_TOKEN: '' })).toBe('0 sluice-open')
    expect(await runTo(open.url, { ANTHROPIC_AUTH_TOKEN: 'mine' })).toBe('0 mine')
    expect(await runTo(open.url, { ANTHROPIC_API_KEY: 'mine' })).toBe('0 null')
    expect(await runTo(open.url, {}, '--key', 'given')).toBe('0 given')
    await open.stop()
  })

  test('before a gateway that asks for a key, a client without one is not launched, and the user is told what to do', { timeout }, async () => {
    const keyed = await startGateway(['--rehearse', '--key', `ada=${secret}`])
    expect(await runTo(keyed.url)).toMatch(/^2 sluice run: the gateway at http:\S+ lets in holders of its keys, and there is none here\. .*SLUICE_KEY or --key/)
    expect(await runTo(keyed.url, { SLUICE_KEY: secret })).toBe(`0 ${secret}`)
    expect(await runTo(keyed.url, { ANTHROPIC_AUTH_TOKEN: secret })).toBe(`0 ${secret}`)
    expect(await runTo(keyed.url, { ANTHROPIC_CUSTOM_HEADERS: `X-Team: pay\nX-Sluice-Key: ${secret}` })).toBe('0 null')
    await keyed.stop()
  })

  test('where the gateway does not say, or credentials pass through, the client keeps what it has', { timeout }, async () => {
    const token = 'admin-token-0123456789'
    const guarded = await startGateway(['--rehearse', '--admin-token', token])
    expect(await runTo(guarded.url)).toBe('0 null')
    expect(await runTo(guarded.url, { SLUICE_ADMIN_TOKEN: token })).toBe('0 sluice-open')
    await guarded.stop()
    expect(await runTo(gateway.url)).toBe('0 null')
  })

  const show = ['ANTHROPIC_BASE_URL', 'ANTHROPIC_AUTH_TOKEN', 'ANTHROPIC_CUSTOM_HEADERS', 'CLAUDE_CODE_GATEWAY_HINT_HEADERS']
  const script = `console.log(JSON.stringify(${JSON.stringify(show)}.map((name) => process.env[name] ?? null))); process.exit(7)`

  test('sets the environment, names the repository of the git remote without its credentials, and ends with the exit code', { timeout }, async () => {
    const directory = realpathSync(mkdtempSync(join(tmpdir(), 'sluice-run-')))
    execFileSync('git', ['init', '--quiet', directory])
    execFileSync('git', ['-C', directory, 'remote', 'add', 'origin', 'https://user:ghp_CANARY@github.com/acme/payments.git'])
    const { code, stdout } = await sluice(['run', '--url', gateway.url, '--key', 'my-key', '--', process.execPath, '-e', script], {
      cwd: directory,
      env: { ANTHROPIC_CUSTOM_HEADERS: 'X-Team: pay' },
    })
    rmSync(directory, { recursive: true })
    expect([code, JSON.parse(stdout)]).toEqual([7, [gateway.url, 'my-key', 'X-Team: pay\nx-sluice-repository: acme/payments', '1']])
  })

  test.each([
    [['--', 'no-such-command-here'], 127, 'the command "no-such-command-here" was not found on PATH'],
    [[], 2, 'there is no command to launch'],
    [['--url', 'http://127.0.0.1:1', '--', 'true'], 1, 'no gateway answers at http://127.0.0.1:1'],
  ])('%j ends with %d and says why', { timeout }, async (args, code, message) => {
    expect(await sluice(['run', '--url', gateway.url, ...args])).toMatchObject({ code, stderr: expect.stringContaining(message) as string })
  })
})

test('sluice doctor finds a gateway, an upstream and a key; --json tells it to programs; what is broken ends it with 1', { timeout }, async () => {
  const { code, stdout } = await sluice(['doctor', '--upstream', upstream.url, '--upstream-key', 'sk-CANARY', '--url', gateway.url, '--json'])
  const { isHealthy, findings } = JSON.parse(stdout) as { isHealthy: boolean; findings: { check: string; state: string }[] }
  expect([code, isHealthy, stdout.includes('CANARY')]).toEqual([0, true, false])
  expect(findings.map(({ check, state }) => `${check} ${state}`)).toEqual(
    expect.arrayContaining(['Node ok', 'upstream ok', 'clock ok', 'upstream key ok', 'gateway ok', 'base URL warning']),
  )
  const broken = await sluice(['doctor', '--upstream', 'http://127.0.0.1:1'])
  expect(broken).toMatchObject({ code: 1, stdout: expect.stringMatching(/BROKEN +upstream .*ECONNREFUSED/) as string })
})
