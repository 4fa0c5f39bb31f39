import { attribute, authenticate, createGateway, pricing, staticKeys, type Fault, type Gateway, type Ledger, type StaticKey } from '@sluice/core'
import { nodeRuntime, serve, type Served, type ServeOptions } from '@sluice/adapters-node'
import { startRehearsal, type Rehearsal } from '@sluice/rehearsal'
import { memoryLedger } from '@sluice/storage-memory'
import type { Command } from '../command.ts'
import { CommandError, systemCodeOf } from '../errors.ts'
import { parseFlags, type FlagSpecs } from '../flags/flags.ts'
import { toGatewayJson } from '../gateway/gateway-json.ts'
import { readApi } from '../gateway/read-api.ts'
import { generatedKey } from '../start/generated-key.ts'
import { loadConfig, type SluiceConfig } from '../start/config-file.ts'
import { greeting } from '../start/greeting.ts'
import { loopbackClientsOnly } from '../start/open-guard.ts'
import { planStart, upstreamsOf, type StartPlan } from '../start/plan.ts'
import { given, givenOr, type SettingSources } from '../start/setting.ts'
import * as specs from '../start/setting-specs.ts'
import { jsonLog, textLog, type StartLog } from '../start/start-log.ts'
import { stopSignals } from '../start/stop-signals.ts'
import type { Terminal } from '../terminal.ts'

const defaultPort = 8787

const flags: FlagSpecs = {
  ...Object.fromEntries(
    specs.flaggedSpecs.map(({ flag, placeholder, about, readList }) => [
      flag as string,
      { about, ...(placeholder !== undefined && { value: placeholder }), ...(readList !== undefined && { isRepeatable: true as const }) },
    ]),
  ),
  config: { value: 'FILE', about: 'configuration file (sluice.config.ts, if there is one)' },
}

/** `sluice start`: the gateway as a server of its own. */
export const start: Command = {
  usage: 'start [flags]',
  about: 'Runs the gateway until it is told to stop. Flags are stronger than SLUICE_… variables, those stronger than sluice.config.ts.',
  flags,
  notes: `Every flag has a variable: ${specs.flaggedSpecs.map(({ env }) => env).join(', ')}, SLUICE_CONFIG, and SLUICE_GRACE_SECONDS (30) for stopping.`,
  run: async (argv, terminal) => {
    const parsed = parseFlags(flags, argv)
    const file = await loadConfig(terminal.directory, parsed.text('config') ?? (terminal.environment['SLUICE_CONFIG'] || undefined))
    return runGateway(
      { flags: parsed, environment: terminal.environment, ...(file !== undefined && { file: { name: file.name, config: { ...file.config } } }) },
      file?.config ?? {},
      terminal,
    )
  },
}

async function runGateway(sources: SettingSources, config: SluiceConfig, terminal: Terminal): Promise<number> {
  // Every setting is read and checked before anything is started.
  const plan = planStart(sources, config.upstreams)
  given(specs.storeSpec, sources)
  const port = given(specs.portSpec, sources)?.value
  const isJson = givenOr(specs.jsonLogSpec, sources, false).value
  const timeZone = givenOr(specs.timeZoneSpec, sources, Intl.DateTimeFormat().resolvedOptions().timeZone).value
  const adminToken = given(specs.adminTokenSpec, sources)?.value
  const graceSeconds = givenOr(specs.graceSpec, sources, 30).value
  const generated = plan.access.kind === 'generated' ? generatedKey() : undefined
  const log = (isJson ? jsonLog : textLog)({ terminal, stdout: process.stdout, stderr: process.stderr, timeZone })
  const rehearsal = plan.upstream.kind === 'rehearsal' ? await startRehearsal({ keepCalls: 0 }) : undefined
  const runtime = nodeRuntime()
  const ledger = memoryLedger()
  try {
    const gateway = buildGateway({ sources, config, plan, generated, rehearsal, runtime, ledger, log })
    const before = readApi({
      gateway: toGatewayJson(plan),
      ledger,
      adminToken,
      timeZone,
      onFailure: (cause) => log.fault({ code: 'ledger-query-failed', message: 'the ledger could not answer a report', source: 'ledger', cause }),
    })
    const { served, isFallback } = await listen(
      gateway,
      { host: plan.host, isAuthenticated: plan.access.kind === 'keys', graceMillis: graceSeconds * 1000, before },
      port,
      plan,
    )
    const signals = stopSignals(terminal.now)
    log.listening(served.url)
    const parts = { plan, url: served.url, generated, rehearsalUrl: rehearsal?.url, hasAdminToken: adminToken !== undefined }
    if (!isJson) for (const line of greeting(parts, terminal)) terminal.write(line)
    else tellPrograms(log, terminal, parts)
    if (isFallback) log.notice(`Port ${defaultPort} is taken, so a free one was chosen. Give --port to choose.`)
    for (const notice of plan.notices) log.notice(notice)
    const code = await untilStopped(served, gateway, signals, graceSeconds, log)
    signals.dispose()
    return code
  } finally {
    await Promise.allSettled([runtime.close(), rehearsal?.close()])
  }
}

interface GatewayParts {
  readonly sources: SettingSources
  readonly config: SluiceConfig
  readonly plan: StartPlan
  readonly generated: StaticKey | undefined
  readonly rehearsal: Rehearsal | undefined
  readonly runtime: ReturnType<typeof nodeRuntime>
  readonly ledger: Ledger
  readonly log: StartLog
}

function buildGateway({ sources, config, plan, generated, rehearsal, runtime, ledger, log }: GatewayParts): Gateway {
  const maxBodyBytes = given(specs.maxBodyBytesSpec, sources)?.value
  const digest = given(specs.digestSpec, sources)?.value
  let gateway: Gateway = createGateway({
    runtime,
    upstreams: upstreamsOf(plan, rehearsal?.url, given(specs.heartbeatSpec, sources)?.value),
    host: { onFault: (fault: Fault) => log.fault(fault) },
    ...(config.pricing !== undefined && { pricing: pricing(config.pricing) }),
    ...(maxBodyBytes !== undefined && { maxBodyBytes }),
    ...(digest !== undefined && { digest }),
  })
  if (plan.access.kind === 'open') gateway = gateway.use(loopbackClientsOnly())
  const keys = plan.access.kind === 'keys' ? plan.access.keys : generated === undefined ? [] : [generated]
  if (keys.length > 0) gateway = gateway.use(authenticate(staticKeys(keys), { mode: plan.credential }))
  gateway = gateway.use(attribute())
  for (const middleware of config.middleware ?? []) gateway = gateway.use(middleware)
  return gateway.record({ ...ledger, append: (entry) => (log.exchange(entry), ledger.append(entry)) })
}

/** Listens on the port asked for, or on the default one; on a free one where nobody asked and the default is taken. */
async function listen(
  gateway: Gateway,
  options: ServeOptions,
  port: number | undefined,
  { host }: StartPlan,
): Promise<{ readonly served: Served; readonly isFallback: boolean }> {
  try {
    return { served: await serve(gateway, { ...options, port: port ?? defaultPort }), isFallback: false }
  } catch (cause) {
    const code = systemCodeOf((cause as Error).cause)
    if (port === undefined && code === 'EADDRINUSE') return { served: await serve(gateway, { ...options, port: 0 }), isFallback: true }
    if (code === undefined) throw cause
    const where = `${host}:${port ?? defaultPort}`
    throw new CommandError(
      code === 'EADDRINUSE'
        ? `--port: ${where} is taken by another process. Choose another port, or 0 for any free one.`
        : `cannot listen on ${where} (${code}). Check --host and --port.`,
      { cause },
    )
  }
}

/** What the greeting says, for a log that programs read. The key of this run goes to stderr: a log is kept and shipped. */
function tellPrograms(log: StartLog, terminal: Terminal, { plan, url, generated, rehearsalUrl }: Parameters<typeof greeting>[0]): void {
  if (plan.upstream.kind === 'rehearsal') log.notice(`Requests go to a rehearsal upstream at ${rehearsalUrl}: no key, no spend.`)
  if (plan.access.kind === 'own-credential')
    log.notice("No upstream key is set: clients' own credentials pass through. To try Sluice with no key and no spend: --rehearse.")
  if (generated === undefined) return
  log.notice('No keys are configured, so one was made for this run. It is on stderr.')
  terminal.warn(`export ANTHROPIC_BASE_URL=${url}\nexport ANTHROPIC_AUTH_TOKEN=${generated.secret}`)
}

async function untilStopped(served: Served, gateway: Gateway, signals: ReturnType<typeof stopSignals>, graceSeconds: number, log: StartLog): Promise<number> {
  const signal = await signals.first
  const { underWay } = gateway
  log.notice(
    underWay === 0
      ? `${signal}: stopping; nothing is under way.`
      : `${signal}: stopping; waiting for ${underWay} ${underWay === 1 ? 'exchange' : 'exchanges'} under way, at most ${graceSeconds} s. Signal again to end at once.`,
  )
  const forced = await Promise.race([served.stop().then(() => undefined), signals.second])
  if (forced === undefined) {
    log.notice('Stopped.')
    return 0
  }
  log.notice(`${forced}: ended at once, with ${gateway.underWay} under way.`)
  served.server.closeAllConnections()
  return 1
}
