import { adminApi, hashAdminToken, type AdminToken } from '@sluice/admin'
import { headHold, pricing, systemClock, virtualKeys, upkeep, type Gateway } from '@sluice/core'
import { nodeRuntime, serve, type Served, type ServeOptions } from '@sluice/adapters-node'
import { startRehearsal } from '@sluice/rehearsal'
import type { Command } from '../command.ts'
import { CommandError, systemCodeOf } from '../errors.ts'
import { parseFlags, type FlagSpecs } from '../flags/flags.ts'
import { toGatewayJson } from '../gateway/gateway-json.ts'
import { adminMount } from '../start/admin-mount.ts'
import { loadConfig, type SluiceConfig } from '../start/config-file.ts'
import { gatewayOf } from '../start/gateway-of.ts'
import { generatedKey } from '../start/generated-key.ts'
import { givenPolicy } from '../start/given-policy.ts'
import { greeting } from '../start/greeting.ts'
import { keepAlive, newSecret, type OpenStore } from '../start/open-store.ts'
import { namesOf, planStart, upstreamsOf, type StartPlan } from '../start/plan.ts'
import { publicationNotice, publishGiven } from '../start/policy-publication.ts'
import { watchPolicy } from '../start/policy-watch.ts'
import { routingOf } from '../start/route-of.ts'
import { routeLines } from '../start/route-lines.ts'
import * as routing from '../start/routing-setting.ts'
import { given, givenOr, type SettingSources } from '../start/setting.ts'
import * as specs from '../start/setting-specs.ts'
import { storeOf } from '../start/store-of.ts'
import { jsonLog, textLog, type StartLog } from '../start/start-log.ts'
import { stopSignals } from '../start/stop-signals.ts'
import { toUpstreams } from '../start/upstream-config.ts'
import { within } from '../start/within.ts'
import type { Terminal } from '../terminal.ts'

const defaultPort = 8787
/** How long a store may take to close. */
const closeMillis = 5_000

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
  notes: `Every flag has a variable: ${specs.flaggedSpecs.map(({ env }) => env).join(', ')}, SLUICE_CONFIG, SLUICE_KEY_PEPPER for issued keys, and SLUICE_GRACE_SECONDS (30) for stopping.`,
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
  const configured = config.upstreams && toUpstreams(sources.file?.name ?? 'the configuration file', config.upstreams)
  const plan = planStart(sources, configured, (config.adminTokens ?? []).length > 0)
  const port = given(specs.portSpec, sources)?.value
  const isJson = givenOr(specs.jsonLogSpec, sources, false).value
  const timeZone = givenOr(specs.timeZoneSpec, sources, Intl.DateTimeFormat().resolvedOptions().timeZone).value
  const tokens = await adminTokens(given(specs.adminTokenSpec, sources)?.value, config)
  const graceSeconds = givenOr(specs.graceSpec, sources, 30).value
  const maxBodyBytes = given(specs.maxBodyBytesSpec, sources)?.value
  const digest = given(specs.digestSpec, sources)?.value
  const heartbeatSeconds = given(specs.heartbeatSpec, sources)?.value
  const pepper = given(specs.pepperSpec, sources)?.value
  const most = given(routing.attemptsSpec, sources)?.value
  const firstContent = routing.firstContentOf(sources)
  const balance = givenOr(routing.balanceSpec, sources, 'in-order').value
  const deadlineSeconds = given(routing.deadlineSpec, sources)?.value
  const failoverSeconds = given(routing.failoverSpec, sources)?.value
  const region = given(routing.regionSpec, sources)?.value
  const names = namesOf(plan)
  const policy = givenPolicy(sources, names, terminal.directory)
  const prices = config.pricing && pricing(config.pricing)
  const { store, notices } = await storeOf(given(specs.storeSpec, sources), plan, terminal.directory)
  const log = (isJson ? jsonLog : textLog)({ terminal, stdout: process.stdout, stderr: process.stderr, timeZone })
  const runtime = nodeRuntime()
  let rehearsal: Awaited<ReturnType<typeof startRehearsal>> | undefined
  // The gateway's own timers keep no process alive, and while it stops there may be nothing else.
  const stayAlive = keepAlive()
  const care = upkeep({ ...store, onFault: (fault) => log.fault(fault) })
  try {
    rehearsal = plan.upstream.kind === 'rehearsal' ? await startRehearsal({ keepCalls: 0 }) : undefined
    const generated = plan.access.kind === 'generated' ? generatedKey() : undefined
    const issuedKeys = virtualKeys({
      ring: store.keyRing,
      scopes: store.scopes,
      pepper: pepper ?? (await store.secret('key-pepper', newSecret)),
      onFault: (fault) => log.fault(fault),
    })
    const configuredKeys = plan.access.kind === 'keys' ? plan.access.keys : generated === undefined ? [] : [generated]
    const upstreams = upstreamsOf(plan, rehearsal?.url, { heartbeatSeconds, deadlineSeconds })
    const desk = { shelf: store.policies, audit: store.audit, now: terminal.now }
    const publication = await publishGiven(desk, policy)
    const { router, refresh } = routingOf({
      upstreams: names,
      balance,
      shelf: store.policies,
      ledger: store.ledger,
      onFault: (fault) => log.fault(fault),
      isShelfEmpty: publication.kind === 'none',
      now: terminal.now,
      ...(prices !== undefined && { pricing: prices }),
      ...(failoverSeconds !== undefined && { failoverMillis: failoverSeconds * 1000 }),
      ...(region !== undefined && { region }),
    })
    const { gateway, flush } = gatewayOf({
      runtime,
      plan,
      config,
      upstreams,
      router,
      pricing: prices,
      attempts: {
        ...(most !== undefined && { most }),
        ...(firstContent !== undefined && { firstContent: headHold(firstContent) }),
      },
      configuredKeys,
      issuedKeys,
      store,
      log,
      maxBodyBytes,
      digest,
    })
    const api = adminApi({
      stores: { ...store, keys: issuedKeys },
      tokens,
      clock: systemClock,
      gateway: toGatewayJson(plan),
      timeZone,
      upstreams: names,
      onPolicyPublished: refresh,
      ...(prices !== undefined && { pricing: prices }),
      // Without a token, programs on this machine may look; a change has an author.
      ...(tokens.length === 0 && { localRole: 'read' as const }),
      onFailure: (message, cause) => log.fault({ code: 'ledger-query-failed', message, source: 'admin', cause }),
    })
    const { served, isFallback } = await listen(
      gateway,
      {
        host: plan.host,
        isAuthenticated: plan.access.kind === 'keys' || plan.access.kind === 'issued',
        graceMillis: graceSeconds * 1000,
        before: adminMount(api, terminal.now),
      },
      port,
      plan,
    )
    const signals = stopSignals(terminal.now)
    log.listening(served.url)
    const about = [...routeLines(publication, names, balance), ...storeLines(store, pepper !== undefined, tokens.length > 0)]
    const parts = { plan, url: served.url, generated, rehearsalUrl: rehearsal?.url, hasAdminToken: tokens.length > 0, store: about }
    if (!isJson) for (const line of greeting(parts, terminal)) terminal.write(line)
    else tellPrograms(log, terminal, parts)
    if (isFallback) log.notice(`Port ${defaultPort} is taken, so a free one was chosen. Give --port to choose.`)
    const kept = publicationNotice(publication, policy)
    for (const notice of [...notices, ...plan.notices, ...(kept === undefined ? [] : [kept])]) log.notice(notice)
    // A document that came into force when there were other upstreams is told of now, and not at the first request.
    await refresh()
    const stopWatching = policy === undefined ? undefined : watchPolicy(policy, { desk, upstreams: names, notice: (message) => log.notice(message), refresh })
    const code = await untilStopped(served, gateway, signals, graceSeconds, log).finally(stopWatching)
    // Signalled again: at once means at once, and what waits is booked as it stands.
    const waiting = code === 0 ? await flush() : 0
    if (waiting > 0) log.notice(`${waiting} settlements could not be delivered: the store was out. Their holds are booked as they stand.`)
    signals.dispose()
    return code
  } finally {
    await care.stop()
    await within(closeMillis, Promise.allSettled([runtime.close(), rehearsal?.close(), store.close()])).catch((cause: unknown) =>
      log.fault({ code: 'upkeep-failed', message: 'the store did not close in time, and is left as it is', source: 'store', cause }),
    )
    stayAlive()
  }
}

async function adminTokens(token: string | undefined, { adminTokens: further = [] }: SluiceConfig): Promise<readonly AdminToken[]> {
  const tokens: AdminToken[] = token === undefined ? [] : [{ name: 'admin', tokenHash: await hashAdminToken(token), role: 'admin' }]
  for (const { name, role, scope, token: text, tokenHash } of further)
    tokens.push({ name, role, tokenHash: tokenHash ?? (await hashAdminToken(text ?? '')), ...(scope !== undefined && { scope }) })
  return tokens
}

/** Where things are kept, for the greeting. */
function storeLines({ kind, about }: OpenStore, isPepperGiven: boolean, hasTokens: boolean): readonly string[] {
  const lines = [`Spend, keys and budgets are kept ${about}.`]
  if (kind === 'postgres' && !isPepperGiven && hasTokens)
    lines.push(
      'The pepper of issued keys was made once and is kept in the database too. To keep it elsewhere, set SLUICE_KEY_PEPPER before the first key is issued.',
    )
  return lines
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
function tellPrograms(log: StartLog, terminal: Terminal, { plan, url, generated, rehearsalUrl, store }: Parameters<typeof greeting>[0]): void {
  if (plan.upstream.kind === 'rehearsal') log.notice(`Requests go to a rehearsal upstream at ${rehearsalUrl}: no key, no spend.`)
  if (plan.access.kind === 'own-credential')
    log.notice("No upstream key is set: clients' own credentials pass through. To try Sluice with no key and no spend: --rehearse.")
  for (const line of store) log.notice(line)
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
