import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { installationCheck, settingsChecks } from '../doctor/claude-code-checks.ts'
import { features } from '../doctor/features.ts'
import type { Finding } from '../doctor/finding.ts'
import { clockCheck } from '../doctor/network-checks.ts'
import { claudeSettings, hasCredential } from './claude-settings.ts'
import { clientEnvironment, withCustomHeaders } from './client-environment.ts'
import { repositoryFromRemote } from './repository.ts'

describe('the repository of a remote', () => {
  test.each([
    ['https://github.com/acme/payments.git', 'acme/payments'],
    ['https://user:ghp_CANARY@github.com/acme/payments.git', 'acme/payments'],
    ['https://ghp_CANARY@github.com/acme/payments', 'acme/payments'],
    ['git@github.com:acme/payments.git', 'acme/payments'],
    ['ssh://git@host:2222/acme/payments.git/', 'acme/payments'],
    ['https://gitlab.com/group/sub/payments.git', 'sub/payments'],
    ['https://dev.azure.com/acme/project/_git/payments', 'project/payments'],
    ['/srv/git/payments.git', 'git/payments'],
    ['https://host/acme/pay%0Aments', undefined],
    ['https://github.com/', undefined],
    ['', undefined],
  ])('of %j is %s', (remote, name) => expect(repositoryFromRemote(remote)).toBe(name))
})

describe('custom headers', () => {
  test("the user's own stay, in their order, and ours come after", () => {
    expect(withCustomHeaders('X-Team: pay\nX-Two: b: c\n', [['x-sluice-repository', 'a/b']])).toBe('X-Team: pay\nX-Two: b: c\nx-sluice-repository: a/b')
  })

  test('one that the user set already is not set again', () => {
    expect(withCustomHeaders('X-Sluice-Repository: mine', [['x-sluice-repository', 'a/b']])).toBe('X-Sluice-Repository: mine')
  })

  test('a value cannot begin another header', () => {
    expect(() => withCustomHeaders(undefined, [['x-sluice-repository', 'a\nx-api-key: b']])).toThrow('no header can carry')
  })
})

describe('the environment of a client', () => {
  test('names the gateway, the key and the repository, and keeps everything else', () => {
    expect(clientEnvironment({ PATH: '/bin', ANTHROPIC_BASE_URL: 'old' }, { url: 'http://g', key: 'k', repository: 'a/b' })).toEqual({
      PATH: '/bin',
      ANTHROPIC_BASE_URL: 'http://g',
      ANTHROPIC_AUTH_TOKEN: 'k',
      ANTHROPIC_CUSTOM_HEADERS: 'x-sluice-repository: a/b',
      CLAUDE_CODE_GATEWAY_HINT_HEADERS: '1',
    })
  })

  test("in split mode the key stands beside the client's own credential", () => {
    const environment = clientEnvironment({ ANTHROPIC_API_KEY: 'own' }, { url: 'http://g', key: 'k', isSplit: true })
    expect([environment['ANTHROPIC_API_KEY'], environment['ANTHROPIC_AUTH_TOKEN'], environment['ANTHROPIC_CUSTOM_HEADERS']]).toEqual([
      'own',
      undefined,
      'x-sluice-key: k',
    ])
  })

  test('a placeholder stands in for a credential, and gives way to a key', () => {
    const tokenOf = (settings: object): string | undefined => clientEnvironment({}, { url: 'http://g', placeholder: 'p', ...settings })['ANTHROPIC_AUTH_TOKEN']
    expect([tokenOf({}), tokenOf({ key: 'k' }), tokenOf({ key: 'k', isSplit: true })]).toEqual(['p', 'k', 'p'])
  })

  test('hint headers that the user turned off stay off', () => {
    expect(clientEnvironment({ CLAUDE_CODE_GATEWAY_HINT_HEADERS: '0' }, { url: 'http://g' })['CLAUDE_CODE_GATEWAY_HINT_HEADERS']).toBe('0')
  })
})

describe('the settings of Claude Code', () => {
  let root = ''
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'sluice-settings-'))
    mkdirSync(join(root, 'home/.claude'), { recursive: true })
    mkdirSync(join(root, 'project/.claude'), { recursive: true })
  })
  afterEach(() => rmSync(root, { recursive: true }))

  const gateway = 'http://127.0.0.1:8787'
  const upstream = 'https://api.anthropic.com'
  const read = (environment: Record<string, string> = {}): ReturnType<typeof claudeSettings> =>
    claudeSettings({ environment, home: join(root, 'home'), directory: join(root, 'project') })
  const checks = (environment: Record<string, string>, to = upstream): readonly Finding[] => settingsChecks(read(environment), gateway, to)
  const states = (environment: Record<string, string>, to?: string): readonly string[] => checks(environment, to).map(({ check, state }) => `${check} ${state}`)
  const good = { ANTHROPIC_BASE_URL: gateway, ANTHROPIC_AUTH_TOKEN: 'k' }

  test("a project's file goes before the user's, and both before the environment", () => {
    expect(read({ A: 'environment' }).variable('A')).toEqual({ value: 'environment', source: 'the environment' })
    writeFileSync(join(root, 'home/.claude/settings.json'), '{"env":{"A":"user","B":"user"}}')
    writeFileSync(join(root, 'project/.claude/settings.json'), '{"env":{"A":"project"}}')
    expect(read({ A: 'environment' }).variable('A')?.value).toBe('project')
    expect(read().variable('B')?.value).toBe('user')
  })

  test('nothing is wrong where nothing is wrong', () => {
    expect(states(good)).toEqual(['base URL ok', 'credential ok'])
    expect(states({ ...good, ANTHROPIC_BASE_URL: 'http://localhost:8787/' })).toContain('base URL ok')
  })

  test.each([
    ['no base URL', { ANTHROPIC_BASE_URL: '' }, 'base URL warning'],
    ['a base URL with /v1', { ANTHROPIC_BASE_URL: `${gateway}/v1` }, 'base URL broken'],
    ['another base URL', { ANTHROPIC_BASE_URL: 'http://127.0.0.1:9999' }, 'base URL warning'],
    ['two credentials', { ANTHROPIC_API_KEY: 'x' }, 'credential warning'],
    ['an API key as a bearer', { ANTHROPIC_AUTH_TOKEN: 'sk-ant-api03-x' }, 'credential warning'],
    ['another provider', { CLAUDE_CODE_USE_BEDROCK: '1' }, 'provider warning'],
    ['D6: the attribution header off', { CLAUDE_CODE_ATTRIBUTION_HEADER: '0' }, 'attribution warning'],
    ['a short timeout', { API_TIMEOUT_MS: '60000' }, 'timeout warning'],
    ['a proxy', { HTTP_PROXY: 'http://user:CANARY@proxy:3128' }, 'proxy warning'],
    ['no prompt caching', { DISABLE_PROMPT_CACHING: '1' }, 'prompt caching warning'],
  ])('%s is pointed out', (_, environment, expected) => expect(states({ ...good, ...environment })).toContain(expected))

  test('D6: the attribution header may be off where the upstream is not Anthropic', () => {
    expect(states({ ...good, CLAUDE_CODE_ATTRIBUTION_HEADER: '0' }, 'https://other.example')).not.toContain('attribution warning')
  })

  test('a proxy that the gateway is exempt from is fine', () => {
    expect(states({ ...good, HTTP_PROXY: 'http://proxy:3128', NO_PROXY: 'localhost, 127.0.0.1' })).not.toContain('proxy warning')
  })

  test.each([
    [{}, '{}', false],
    [{ ANTHROPIC_AUTH_TOKEN: 'x' }, '{}', true],
    [{ ANTHROPIC_API_KEY: 'x' }, '{}', true],
    [{}, '{"env":{"ANTHROPIC_API_KEY":"x"}}', true],
    [{ ANTHROPIC_API_KEY: 'x' }, '{"env":{"ANTHROPIC_API_KEY":""}}', false],
    [{}, '{"apiKeyHelper":"echo x"}', true],
    [{ ANTHROPIC_CUSTOM_HEADERS: 'X-Team: pay' }, '{}', false],
    [{ ANTHROPIC_CUSTOM_HEADERS: 'X-Team: pay\nx-sluice-key: x' }, '{}', true],
  ])('the environment %j and the settings %s hold a credential: %s', (environment, settings, expected) => {
    writeFileSync(join(root, 'home/.claude/settings.json'), settings)
    expect(hasCredential(read(environment))).toBe(expected)
  })

  test('a file that is not JSON is broken, and named', () => {
    writeFileSync(join(root, 'home/.claude/settings.json'), '{')
    expect(checks(good)[0]).toMatchObject({ check: 'settings', state: 'broken', detail: expect.stringContaining('settings.json is not valid JSON') as string })
  })

  test('no finding holds a credential', () => {
    writeFileSync(join(root, 'home/.claude/settings.json'), '{"apiKeyHelper":"echo CANARY","env":{"ANTHROPIC_AUTH_TOKEN":"sk-ant-api-CANARY"}}')
    const findings = checks({ ANTHROPIC_API_KEY: 'CANARY', HTTP_PROXY: 'http://u:CANARY@p', ANTHROPIC_BASE_URL: 'http://u:CANARY@elsewhere' })
    expect(JSON.stringify(findings)).not.toContain('CANARY')
  })

  test('A10: what is off behind a gateway is listed with the setting that turns it on', () => {
    const list = features(read({ ENABLE_TOOL_SEARCH: 'true' }))
    expect(list.map(({ name, state, setting }) => `${name}: ${state} ${setting ?? ''}`.trim())).toEqual([
      'tool search: on ENABLE_TOOL_SEARCH=true',
      'model discovery: off CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY=1',
      'hint headers: off CLAUDE_CODE_GATEWAY_HINT_HEADERS=1',
      'repository in telemetry: off OTEL_METRICS_INCLUDE_REPOSITORY=1',
      'trace context: off CLAUDE_CODE_PROPAGATE_TRACEPARENT=1',
      '1-hour prompt cache: off ENABLE_PROMPT_CACHING_1H=1',
      'remote control: not-possible',
      'scheduled tasks (/schedule): not-possible',
      'claude.ai connectors (MCP): not-possible',
      '1M context in the model picker: not-possible',
    ])
  })

  test('the installed version is read from its package, without running it', () => {
    mkdirSync(join(root, 'bin'))
    writeFileSync(join(root, 'bin/claude'), '')
    writeFileSync(join(root, 'bin/package.json'), '{"name":"@anthropic-ai/claude-code","version":"2.1.330"}')
    expect(installationCheck({ environment: { PATH: join(root, 'bin') } }).detail).toBe(`2.1.330, ${join(root, 'bin/claude')}`)
    expect(installationCheck({ environment: { PATH: join(root, 'home') } }).state).toBe('warning')
  })
})

test.each([
  ['Tue, 24 Nov 2026 12:00:00 GMT', 0, 'ok'],
  ['Tue, 24 Nov 2026 12:00:30 GMT', 0, 'warning'],
  ['Tue, 24 Nov 2026 11:59:30 GMT', 0, 'warning'],
  ['Tue, 24 Nov 2026 12:10:00 GMT', 0, 'broken'],
  [undefined, 0, 'skipped'],
])('an upstream that says %s at noon: %s %s', (date, _, state) => {
  const noon = Date.UTC(2026, 10, 24, 12)
  expect(clockCheck(date, noon, noon + 200).state).toBe(state)
})
