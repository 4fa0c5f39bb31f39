import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import type { ClaudeSettings } from '../client/claude-settings.ts'
import { isLoopbackHost } from '../start/loopback.ts'
import type { Terminal } from '../terminal.ts'
import { finding, type Finding } from './finding.ts'

/** Looks for Claude Code on PATH. Its version is read from where it is installed: nothing is run. */
export function installationCheck({ environment }: Pick<Terminal, 'environment'>): Finding {
  const names = process.platform === 'win32' ? ['claude.exe', 'claude.cmd'] : ['claude']
  const found = (environment['PATH'] ?? '')
    .split(delimiter)
    .filter((directory) => directory !== '')
    .flatMap((directory) => names.map((name) => join(directory, name)))
    .find((path) => existsSync(path))
  if (found === undefined) return finding('Claude Code', 'warning', 'there is no "claude" on PATH', 'Install it: npm install -g @anthropic-ai/claude-code')
  return finding('Claude Code', 'ok', `${installedVersion(found) ?? 'of a version that cannot be told'}, ${found}`)
}

function installedVersion(path: string): string | undefined {
  const real = realpathSync(path)
  const named = /[/\\]versions[/\\](\d+\.\d+\.\d+)/.exec(real)?.[1]
  if (named !== undefined) return named
  for (let directory = dirname(real), up = 0; up < 4; directory = dirname(directory), up += 1) {
    try {
      const { name, version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as { readonly name?: unknown; readonly version?: unknown }
      if (typeof name === 'string' && name.startsWith('@anthropic-ai/claude-code') && typeof version === 'string') return version
    } catch {
      // Not a package's directory: look one further up.
    }
  }
  return undefined
}

/** Checks what Claude Code would run with here. Names variables and places, never the values of credentials. */
export function settingsChecks(settings: ClaudeSettings, gatewayUrl: string, upstream: string): readonly Finding[] {
  const { variable, files } = settings
  return [
    ...files.filter(({ problem }) => problem !== undefined).map(({ path, problem }) => finding('settings', 'broken', `${path} ${problem}`, 'Mend the file.')),
    baseUrlCheck(settings, gatewayUrl),
    credentialCheck(settings),
    ...providerChecks(settings),
    ...attributionChecks(settings, upstream),
    ...timeoutChecks(settings),
    ...proxyChecks(settings, gatewayUrl),
    ...(variable('DISABLE_PROMPT_CACHING') === undefined
      ? []
      : [
          finding(
            'prompt caching',
            'warning',
            `is off (DISABLE_PROMPT_CACHING in ${variable('DISABLE_PROMPT_CACHING')?.source}): every turn pays its whole prompt afresh`,
            'Unset it.',
          ),
        ]),
  ]
}

function baseUrlCheck({ variable }: ClaudeSettings, gatewayUrl: string): Finding {
  const found = variable('ANTHROPIC_BASE_URL')
  const fix = `export ANTHROPIC_BASE_URL=${gatewayUrl}, or launch it with: sluice run -- claude`
  if (found === undefined) return finding('base URL', 'warning', 'ANTHROPIC_BASE_URL is not set: Claude Code goes past the gateway', fix)
  const url = URL.canParse(found.value) ? new URL(found.value) : undefined
  if (url === undefined) return finding('base URL', 'broken', `ANTHROPIC_BASE_URL in ${found.source} is not a URL`, fix)
  if (/\/v1\/*$/.test(url.pathname))
    return finding('base URL', 'broken', `ANTHROPIC_BASE_URL in ${found.source} ends in /v1, which Claude Code adds by itself`, fix)
  if (!isSameServer(url, new URL(gatewayUrl)))
    return finding('base URL', 'warning', `ANTHROPIC_BASE_URL in ${found.source} is ${url.origin}, not ${gatewayUrl}`, fix)
  return finding('base URL', 'ok', `ANTHROPIC_BASE_URL in ${found.source} is the gateway`)
}

function isSameServer(left: URL, right: URL): boolean {
  const host = (url: URL): string => (isLoopbackHost(url.hostname) ? 'loopback' : url.hostname)
  return left.protocol === right.protocol && host(left) === host(right) && left.port === right.port
}

function credentialCheck({ variable, files }: ClaudeSettings): Finding {
  const key = variable('ANTHROPIC_API_KEY')
  const token = variable('ANTHROPIC_AUTH_TOKEN')
  const helper = files.find(({ hasApiKeyHelper }) => hasApiKeyHelper)
  const set = [key && `ANTHROPIC_API_KEY (${key.source})`, token && `ANTHROPIC_AUTH_TOKEN (${token.source})`, helper && `apiKeyHelper (${helper.path})`].filter(
    (name) => name !== undefined,
  )
  if (token?.value.startsWith('sk-ant-api') === true)
    return finding(
      'credential',
      'warning',
      `ANTHROPIC_AUTH_TOKEN in ${token.source} holds an Anthropic API key, which the API does not take as a bearer`,
      'Put it into ANTHROPIC_API_KEY.',
    )
  if (set.length > 1)
    return finding(
      'credential',
      'warning',
      `several are set, and Claude Code may send more than one: ${set.join(', ')}`,
      'Keep one: ANTHROPIC_AUTH_TOKEN for a key of the gateway, ANTHROPIC_API_KEY for your own.',
    )
  return finding('credential', 'ok', set.length === 0 ? 'none is set: Claude Code uses its sign-in' : `${set[0]}`)
}

function providerChecks({ variable }: ClaudeSettings): readonly Finding[] {
  return ['CLAUDE_CODE_USE_BEDROCK', 'CLAUDE_CODE_USE_VERTEX', 'CLAUDE_CODE_USE_FOUNDRY']
    .map((name) => [name, variable(name)] as const)
    .filter(([, found]) => isOn(found?.value))
    .map(([name, found]) => finding('provider', 'warning', `${name} in ${found?.source}: Claude Code goes there, and past the gateway`, `Unset ${name}.`))
}

function attributionChecks({ variable }: ClaudeSettings, upstream: string): readonly Finding[] {
  const found = variable('CLAUDE_CODE_ATTRIBUTION_HEADER')
  if (found?.value !== '0' || !new URL(upstream).hostname.endsWith('anthropic.com')) return []
  return [
    finding(
      'attribution',
      'warning',
      `CLAUDE_CODE_ATTRIBUTION_HEADER=0 in ${found.source}: Anthropic's API then answers calls of the auto-mode classifier with 429`,
      'Unset it. It is for other upstreams only.',
    ),
  ]
}

function timeoutChecks({ variable }: ClaudeSettings): readonly Finding[] {
  const found = variable('API_TIMEOUT_MS')
  if (found === undefined || !(Number(found.value) < 600_000)) return []
  return [
    finding(
      'timeout',
      'warning',
      `API_TIMEOUT_MS=${Number(found.value)} in ${found.source}: long answers are given up and asked (and paid) again`,
      'Unset it, or use at least 600000.',
    ),
  ]
}

function proxyChecks({ variable }: ClaudeSettings, gatewayUrl: string): readonly Finding[] {
  const { hostname, protocol } = new URL(gatewayUrl)
  const names = protocol === 'https:' ? ['HTTPS_PROXY', 'https_proxy'] : ['HTTP_PROXY', 'http_proxy']
  const proxy = names.map((name) => [name, variable(name)] as const).find(([, found]) => found !== undefined)
  if (proxy === undefined) return []
  const exempt = `${variable('NO_PROXY')?.value ?? ''},${variable('no_proxy')?.value ?? ''}`.split(',').map((entry) => entry.trim().replace(/^\./, ''))
  if (exempt.some((entry) => entry === '*' || entry === hostname || (entry !== '' && hostname.endsWith(`.${entry}`)))) return []
  return [
    finding(
      'proxy',
      'warning',
      `${proxy[0]} in ${proxy[1]?.source} is set, and NO_PROXY does not name ${hostname}: Claude Code asks the proxy for the gateway`,
      `Add ${hostname} to NO_PROXY.`,
    ),
  ]
}

/** How Claude Code reads a switch. */
export function isOn(value: string | undefined): boolean {
  return ['1', 'true', 'yes', 'on'].includes((value ?? '').toLowerCase())
}
