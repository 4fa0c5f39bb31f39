import { publishPolicy, recommendedPolicy, toPolicyDocument } from '@sluice/core/policy'
import { startRehearsal, type Rehearsal } from '@sluice/rehearsal'
import { openSqlite } from '@sluice/storage-sqlite'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ask, sluice, startGateway, until, type Gateway } from './sluice.ts'

const timeout = 40_000
const rule = 'when kind is title use claude-haiku-4-5 else claude-opus-5-5'
const directory = mkdtempSync(join(tmpdir(), 'sluice-routing-'))
let first: Rehearsal
let second: Rehearsal

beforeAll(async () => {
  first = await startRehearsal({ defaultScenario: 'text' })
  second = await startRehearsal({ defaultScenario: 'text' })
})
afterAll(async () => {
  await Promise.all([first.close(), second.close()])
  rmSync(directory, { recursive: true })
})

const versionOf = async (policy: unknown): Promise<string> => (await toPolicyDocument(policy)).version
const one = (text: string): object => ({ version: 1, rules: [text] })

async function policyOf(gateway: Gateway): Promise<string | null> {
  const reply = await ask(gateway.url, 'hello')
  await reply.text()
  return reply.headers.get('x-sluice-policy')
}

describe('sluice start with a policy', () => {
  test('a rule is in force at once: the greeting, the replies, the log and the record say by which version', { timeout }, async () => {
    const gateway = await startGateway(['--rehearse', '--rule', 'use claude-haiku-4-5'])
    const version = await versionOf(one('use claude-haiku-4-5'))
    expect(await policyOf(gateway)).toBe(version)
    await until(gateway, ({ stdout }) => (/\[opus-5-5 -> haiku-4-5 at rehearsal by rules\[0\]\]/.test(stdout) ? true : undefined))
    const { stdout } = await gateway.stop()
    expect(stdout).toContain(`Requests are routed by policy ${version} (from --rule, `)
  })

  test('without one everything goes where its client asks, and the greeting speaks of no policy', { timeout }, async () => {
    const gateway = await startGateway(['--rehearse', '--json-log'])
    expect((await ask(gateway.url, 'hello')).status).toBe(200)
    const line = await until(gateway, ({ stdout }) => /"event":"exchange".*/.exec(stdout)?.[0])
    expect(line).toContain('"resolvedModel":"claude-opus-5-5"')
    expect((await gateway.stop()).stdout).not.toContain('routed by policy')
  })

  test(
    'a file is watched: one that is not valid leaves the policy before it in force and says why, once; a valid one comes into force',
    { timeout },
    async () => {
      const file = join(directory, 'watched.json')
      writeFileSync(file, JSON.stringify(one('keep')))
      const gateway = await startGateway(['--rehearse', '--policy', file])
      const kept = await versionOf(one('keep'))
      expect(await policyOf(gateway)).toBe(kept)
      writeFileSync(file, JSON.stringify(one('use upstream nowhere')))
      await until(gateway, ({ stderr }) => (stderr.includes('The policy in force stays') ? true : undefined))
      expect(await policyOf(gateway)).toBe(kept)
      writeFileSync(file, JSON.stringify(one('use claude-haiku-4-5')))
      await until(gateway, ({ stderr }) => (/Policy \w+ \(from .*\) is in force\./.test(stderr) ? true : undefined))
      expect(await policyOf(gateway)).toBe(await versionOf(one('use claude-haiku-4-5')))
      const { stderr } = await gateway.stop()
      expect(
        stderr.match(/The policy in force stays, since the changed file is not usable\. .*"nowhere" is not configured\. There is rehearsal\./g),
      ).toHaveLength(1)
    },
  )

  test('what a person has published since is newer than the file: it stays through a restart, and the operator is told', { timeout }, async () => {
    const path = join(directory, 'kept.db')
    const file = join(directory, 'kept.json')
    writeFileSync(file, JSON.stringify(one(rule)))
    const flags = ['--rehearse', '--store', `sqlite:${path}`, '--policy', file]
    const before = await startGateway(flags)
    expect(await policyOf(before)).toBe(await versionOf(one(rule)))
    await before.stop()
    const store = await openSqlite(path)
    await publishPolicy({ shelf: store.policies, policy: recommendedPolicy, expected: await versionOf(one(rule)), at: Date.now(), actor: 'ada' })
    expect(await store.audit.read({})).toMatchObject([{ actor: 'start', action: 'policy.publish' }])
    await store.close()
    const after = await startGateway(flags)
    expect(await policyOf(after)).toBe(await versionOf(recommendedPolicy))
    const { stderr, stdout } = await after.stop()
    expect(stderr).toMatch(/--policy \S+kept\.json is not in force: policy \w+ \(published by ada, .* UTC\) is/)
    expect(stdout).toContain('(published by ada, ')
  })

  test.each([
    [['--rule', 'when inptu < 10k use x'], '--rule: policy.rules[0]: "inptu" is no condition.'],
    [['--rule', 'use upstream eu'], '"eu" is not configured. There is rehearsal.'],
    [['--balance', 'round-robin'], '--balance: saw "round-robin". Give in-order or by-session.'],
  ])('%j ends with 2 and says why', { timeout }, async (args, message) => {
    const { code, stdout, stderr } = await sluice(['start', '--rehearse', ...args], { cwd: directory })
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining(message)])
  })
})

describe('sluice start with several upstreams', () => {
  const environment = { SLUICE_UPSTREAM_KEY: 'first=sk-ant-CANARY-1,second=sk-ant-CANARY-2' }

  test('the second serves where the first cannot be reached; each got its own key, and no key is in the log', { timeout }, async () => {
    const gateway = await startGateway(['--upstream', 'first=http://127.0.0.1:1', '--upstream', `second=${second.url}`, '--no-auth'], { env: environment })
    expect((await ask(gateway.url, 'hello')).status).toBe(200)
    expect(second.calls.at(-1)?.header('x-api-key')).toBe('sk-ant-CANARY-2')
    await until(gateway, ({ stdout }) => (stdout.includes('[at second after first connect]') ? true : undefined))
    const { stdout, stderr } = await gateway.stop()
    expect(stdout).toContain('first serves; where it is out, second takes over.')
    expect(stdout + stderr).not.toContain('CANARY')
  })

  test('a configuration file names them by their kind, without an import, and a rule by its name', { timeout }, async () => {
    const file = join(directory, 'several.config.mjs')
    writeFileSync(
      file,
      `export default {
        upstreams: [
          { kind: 'anthropic', name: 'first', key: process.env.FIRST_KEY, baseUrl: '${first.url}' },
          { kind: 'messages-compatible', name: 'second', apiKey: 'sk-second', baseUrl: '${second.url}', privateHosts: ['127.0.0.1'] },
        ],
        policy: 'when model is claude-haiku-* use upstream second',
        noAuth: true,
        attempts: 2,
      }`,
    )
    const gateway = await startGateway(['--config', file], { env: { FIRST_KEY: 'sk-first' } })
    expect((await ask(gateway.url, 'hello')).status).toBe(200)
    expect(first.calls.at(-1)?.header('x-api-key')).toBe('sk-first')
    const body = JSON.stringify({ model: 'claude-haiku-4-5', max_tokens: 9, messages: [{ role: 'user', content: 'to the second' }] })
    const reply = await fetch(`${gateway.url}/v1/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01' },
      body,
    })
    await reply.text()
    expect([reply.status, second.calls.at(-1)?.json]).toMatchObject([200, { model: 'claude-haiku-4-5' }])
    await until(gateway, ({ stdout }) => (stdout.includes('[at second by rules[0]]') ? true : undefined))
    await gateway.stop()
  })
})
