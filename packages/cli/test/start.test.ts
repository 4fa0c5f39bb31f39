import { startRehearsal, type Rehearsal } from '@sluice/rehearsal'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ask, launch, sluice, startGateway, until } from './sluice.ts'

const timeout = 30_000
const secret = 'sluice-test-CANARY-0123456789'
let upstream: Rehearsal

beforeAll(async () => {
  upstream = await startRehearsal({ defaultScenario: 'text' })
})
afterAll(async () => {
  await upstream.close()
})

const statusOf = async (response: Promise<Response>): Promise<number> => {
  const answer = await response
  await answer.text()
  return answer.status
}

describe.concurrent('sluice start', () => {
  test('prints one listening line first, then what to copy; a request flows; SIGTERM ends it with 0', { timeout }, async () => {
    const gateway = await startGateway(['--rehearse'])
    const reply = await ask(gateway.url, 'hello')
    expect([reply.status, (await reply.text()).includes('event: message_stop')]).toEqual([200, true])
    await until(gateway, ({ stdout }) => (/200 completed/.test(stdout) ? true : undefined))
    const { code, stdout, stderr } = await gateway.stop()
    expect(code).toBe(0)
    expect(stdout.split('\n')[0]).toBe(`listening on ${gateway.url}`)
    expect(stdout.match(/^listening on /gm)).toHaveLength(1)
    expect(stdout).toContain(`export ANTHROPIC_BASE_URL=${gateway.url}`)
    expect(stdout).toContain(`npm run sluice -- report --url ${gateway.url}`)
    expect(stdout).toMatch(/^\d\d:\d\d:\d\d .*opus-5-5 +200 completed .*\$0\.\d+/m)
    expect(stderr).toContain('SIGTERM: stopping; nothing is under way.')
  })

  test('--json-log prints JSON lines only; no key and no prompt is in any of them', { timeout }, async () => {
    const gateway = await startGateway([
      '--upstream',
      upstream.url,
      '--upstream-key',
      'sk-ant-CANARY-UPSTREAM',
      '--key',
      `ada=${secret}`,
      '--admin-token',
      'admin-CANARY-0123456789',
      '--json-log',
    ])
    expect(await statusOf(ask(gateway.url, 'CANARY-PROMPT', { 'x-api-key': secret }))).toBe(200)
    expect(await statusOf(ask(gateway.url, '[[rehearse error]] CANARY-PROMPT', { 'x-api-key': secret }))).not.toBe(200)
    expect(await statusOf(ask(gateway.url, 'CANARY-PROMPT', { 'x-api-key': 'wrong-CANARY' }))).toBe(401)
    await until(gateway, ({ stdout }) => ((stdout.match(/"event":"exchange"/g) ?? []).length === 3 ? true : undefined))
    const { code, stdout, stderr } = await gateway.stop()
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect([code, events[0]?.['event'], events[0]?.['url']]).toEqual([0, 'listening', gateway.url])
    expect(
      events
        .filter(({ event }) => event === 'exchange')
        .map(({ outcome, status, principal }) => [outcome, status, (principal as { developer?: string } | null)?.developer]),
    ).toEqual([
      ['completed', 200, 'ada'],
      ['failed', expect.any(Number), 'ada'],
      ['refused', 401, undefined],
    ])
    expect(stdout + stderr).not.toContain('CANARY')
    expect(upstream.calls.some((call) => call.header('x-api-key') === 'sk-ant-CANARY-UPSTREAM')).toBe(true)
  })

  test('an upstream key without keys makes one for this run, asks for it, and shows it once, beside the log', { timeout }, async () => {
    const gateway = await startGateway(['--upstream', upstream.url, '--json-log'], { env: { SLUICE_UPSTREAM_KEY: 'sk-ant-x' } })
    const key = await until(gateway, ({ stderr }) => /sluice_local_[0-9A-Za-z]{32}/.exec(stderr)?.[0])
    expect(await statusOf(ask(gateway.url, 'hello'))).toBe(401)
    expect(await statusOf(ask(gateway.url, 'hello', { authorization: `Bearer ${key}` }))).toBe(200)
    const { stdout, stderr } = await gateway.stop()
    expect([stderr.split(key).length - 1, stdout.includes(key)]).toEqual([1, false])
  })

  test("without an upstream key clients' own credentials pass through, and it says so and offers --rehearse", { timeout }, async () => {
    const gateway = await startGateway(['--upstream', upstream.url])
    expect(await statusOf(ask(gateway.url, 'own-credential', { 'x-api-key': 'my-own-key' }))).toBe(200)
    expect(upstream.calls.some((call) => call.header('x-api-key') === 'my-own-key')).toBe(true)
    const { stdout } = await gateway.stop()
    expect(stdout).toContain("No upstream key is set: clients' own credentials pass through.")
    expect(stdout).toContain('--rehearse')
  })

  test('an open gateway serves no web page and no rebound host name', { timeout }, async () => {
    const gateway = await startGateway(['--rehearse', '--no-auth'])
    expect(await statusOf(ask(gateway.url, 'x', { origin: 'https://evil.example' }))).toBe(403)
    expect(await statusOf(ask(gateway.url, 'x', { 'sec-fetch-site': 'cross-site' }))).toBe(403)
    expect(await statusOf(ask(gateway.url, 'x'))).toBe(200)
    await gateway.stop()
  })

  test('SIGTERM lets what is under way finish, says what it waits for, and ends with 0', { timeout }, async () => {
    const gateway = await startGateway(['--upstream', upstream.url])
    const reply = await ask(gateway.url, 'slowly', { 'x-rehearsal-scenario': 'text; words=60; delay-millis=20' })
    const stopped = gateway.stop()
    await until(gateway, ({ stderr }) => (/waiting for 1 exchange under way, at most 30 s/.test(stderr) ? true : undefined))
    expect(await reply.text()).toContain('event: message_stop')
    const { code, stdout } = await stopped
    expect([code, /200 completed/.test(stdout)]).toEqual([0, true])
  })

  test('a second signal ends it at once', { timeout }, async () => {
    const gateway = await startGateway(['--upstream', upstream.url])
    const reply = await ask(gateway.url, 'stall', { 'x-rehearsal-scenario': 'stall' })
    gateway.child.kill('SIGTERM')
    await until(gateway, ({ stderr }) => (/waiting for 1/.test(stderr) ? true : undefined))
    await new Promise((resolve) => setTimeout(resolve, 900))
    gateway.child.kill('SIGINT')
    const { code, stderr } = await gateway.finished
    expect([code, stderr]).toEqual([1, expect.stringContaining('SIGINT: ended at once, with 1 under way.')])
    await reply.text().catch(() => undefined)
  })

  test('a reader of stdout that goes away does not take the gateway with it', { timeout }, async () => {
    const gateway = await startGateway(['--rehearse', '--json-log'])
    gateway.child.stdout?.destroy()
    for (let at = 0; at < 3; at += 1) expect(await statusOf(ask(gateway.url, 'hello'))).toBe(200)
    expect((await gateway.stop()).code).toBe(0)
  })

  test('a taken port is an error when it was asked for', { timeout }, async () => {
    const taken = await new Promise<Server>((resolve) => {
      const server = createServer().listen(0, '127.0.0.1', () => resolve(server))
    })
    const { port } = taken.address() as AddressInfo
    const { code, stderr } = await sluice(['start', '--rehearse', '--port', String(port)])
    taken.close()
    expect([code, stderr]).toEqual([1, expect.stringContaining(`--port: 127.0.0.1:${port} is taken by another process.`)])
  })

  test('the default port gives way to a free one where it is taken, and says so', { timeout }, async () => {
    const taken = createServer()
    await new Promise<void>((resolve) => taken.once('error', () => resolve()).listen(8787, '127.0.0.1', resolve))
    const gateway = await startGateway(['--rehearse'], {}, [])
    taken.close()
    expect(new URL(gateway.url).port).not.toBe('8787')
    expect((await gateway.stop()).stderr).toContain('Port 8787 is taken, so a free one was chosen.')
  })

  test('a configuration file in the directory is read: its keys, its middleware and its prices', { timeout }, async () => {
    const cwd = fileURLToPath(new URL('fixtures/team', import.meta.url))
    const gateway = await startGateway([], { cwd, env: { TEST_UPSTREAM: upstream.url, TEST_SECRET: secret } })
    const reply = await ask(gateway.url, 'hello', { 'x-api-key': secret })
    await reply.text()
    expect([reply.status, reply.headers.get('x-mark')]).toEqual([200, 'mine'])
    const cost = await until(gateway, ({ stdout }) => /"event":"exchange".*?"costNanoUsd":"(\d+)"/.exec(stdout)?.[1])
    expect(Number(cost)).toBeLessThan(1000)
    expect(gateway.output().stdout).toMatch(/"resolvedModel":"team-model".*"patches":\[\{"name":/)
    await gateway.stop()
  })

  test.each([
    [['--store', 'mysql://x'], '--store: saw "mysql://x". Give memory (gone when the gateway stops), sqlite:PATH'],
    [['--host', '0.0.0.0', '--no-auth', '--upstream-key', 'k'], 'reachable from other machines'],
    [['--config', 'nowhere.ts'], '--config: there is no file'],
    [['--prot', '1'], 'Did you mean --port?'],
  ])('%j ends with 2 and says why', { timeout }, async (args, message) => {
    const { code, stdout, stderr } = await sluice(['start', ...args])
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining(message)])
  })
})

test.each([
  [['--help'], 0, 'Usage: sluice COMMAND'],
  [['start', '--help'], 0, '--upstream-key KEY'],
  [['--version'], 0, '0.'],
  [['reprot'], 2, 'Did you mean sluice report?'],
])('sluice %j ends with %d', { timeout }, async (args, expected, text) => {
  const { code, stdout, stderr } = await launch(args).finished
  expect([code, stdout + stderr]).toEqual([expected, expect.stringContaining(text)])
})
