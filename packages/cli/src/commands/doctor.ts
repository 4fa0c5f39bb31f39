import type { Command } from '../command.ts'
import { claudeSettings } from '../client/claude-settings.ts'
import { installationCheck, settingsChecks } from '../doctor/claude-code-checks.ts'
import { features, type Feature } from '../doctor/features.ts'
import { finding, type Finding, type FindingState } from '../doctor/finding.ts'
import { gatewayCheck, keyCheck, upstreamChecks } from '../doctor/network-checks.ts'
import { parseFlags, type FlagSpecs } from '../flags/flags.ts'
import { padded } from '../format/table.ts'
import { defaultGatewayUrl, gatewayUrl } from '../gateway/gateway-client.ts'
import { given, type SettingSources } from '../start/setting.ts'
import { upstreamKeySpec, upstreamSpec } from '../start/setting-specs.ts'
import { printable, type Style, type Terminal } from '../terminal.ts'

const flags: FlagSpecs = {
  upstream: { value: 'URL', about: 'the API behind the gateway (SLUICE_UPSTREAM, or https://api.anthropic.com)' },
  'upstream-key': { value: 'KEY', about: 'a key of it to check, with a call that costs nothing (SLUICE_UPSTREAM_KEY)' },
  url: { value: 'GATEWAY', about: `the gateway (SLUICE_URL, or ${defaultGatewayUrl})` },
  json: { about: 'findings and features as JSON' },
}

/** `sluice doctor`: what is wrong, and what to do about it. */
export const doctor: Command = {
  usage: 'doctor [flags]',
  about: 'Checks what a gateway needs, and what Claude Code in this directory would do with it. Nothing that it asks costs anything.',
  flags,
  notes: 'Ends with 1 if something is broken; warnings do not count.',
  run: async (argv, terminal) => {
    const parsed = parseFlags(flags, argv)
    const sources: SettingSources = { flags: parsed, environment: terminal.environment }
    const upstream = (given(upstreamSpec, sources)?.value[0]?.baseUrl ?? 'https://api.anthropic.com').replace(/\/+$/, '')
    const key = given(upstreamKeySpec, sources)?.value.at(-1)
    const settings = claudeSettings(terminal)
    const isNamed = parsed.has('url') || Boolean(terminal.environment['SLUICE_URL'])
    const url = gatewayUrl(parsed, terminal)
    const [upstreamFindings, keyFinding, gatewayFinding] = await Promise.all([
      upstreamChecks(upstream, terminal.now),
      keyCheck(upstream, key),
      gatewayCheck(url, isNamed),
    ])
    const findings = [
      nodeCheck(process.versions.node),
      ...upstreamFindings,
      keyFinding,
      gatewayFinding,
      installationCheck(terminal),
      ...settingsChecks(settings, url, upstream),
    ]
    const off = features(settings)
    const isBroken = findings.some(({ state }) => state === 'broken')
    if (parsed.has('json')) terminal.write(JSON.stringify({ isHealthy: !isBroken, findings, features: off }, null, 2))
    else terminal.write(render(findings, off, terminal))
    return isBroken ? 1 : 0
  },
}

/** Is this Node new enough? */
export function nodeCheck(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const isNewEnough = major > 22 || (major === 22 && minor >= 18)
  return isNewEnough ? finding('Node', 'ok', version) : finding('Node', 'broken', `${version} is too old`, 'Install Node 22.18 or newer; 24 is best.')
}

const marks: Readonly<Record<FindingState, readonly [string, Style]>> = {
  ok: ['ok', 'green'],
  warning: ['warning', 'yellow'],
  broken: ['BROKEN', 'red'],
  skipped: ['skipped', 'dim'],
}

function render(findings: readonly Finding[], off: readonly Feature[], { style }: Terminal): string {
  const lines = findings.flatMap(({ check, state, detail, fix }) => {
    const [mark, colour] = marks[state]
    const head = `${padded(style(colour, mark), 8)} ${padded(check, 14)} ${printable(detail, 400)}`
    return fix === undefined || state === 'ok' ? [head] : [head, `${' '.repeat(24)}${style('dim', `-> ${printable(fix, 400)}`)}`]
  })
  const switches = off.flatMap(({ name, state, setting, note }) => [
    `${padded(state === 'not-possible' ? 'not possible' : style(state === 'on' ? 'green' : 'yellow', state), 13)} ${padded(name, 31)} ${setting ?? ''}`.trimEnd(),
    `${' '.repeat(14)}${style('dim', note)}`,
  ])
  return [...lines, '', style('bold', 'What Claude Code turns off behind a gateway, and which setting turns it on:'), '', ...switches].join('\n')
}
