import { parseArgs } from 'node:util'
import { COMMON_OPTIONS, type Scenario } from './scenarios/scenario.ts'
import { SCENARIOS } from './scenarios/registry.ts'
import type { RehearsalCall } from './server/call.ts'
import { startRehearsal, type Rehearsal } from './server/rehearsal.ts'

/** How many calls the command keeps in memory, newest last. */
const KEPT_CALLS = 50

/** Where the command writes, and what makes it stop; the process itself by default. */
export interface RehearsalCommandHost {
  readonly write: (line: string) => void
  /** Closes the server when aborted. */
  readonly signal?: AbortSignal
}

/** How the command ended, or the server it started. */
export interface RehearsalCommandResult {
  readonly exitCode: number
  /** Present while the server runs. */
  readonly rehearsal?: Rehearsal
}

const USAGE = `Usage: sluice rehearse [options]

  --port N         listen on port N (a free one)
  --host H         listen on address H (127.0.0.1)
  --scenario S     default scenario, with options: "text; words=9" (assistant)
  --pace X         multiply every scripted delay by X (1)
  --require-key K  accept only this credential (any)
  --list           print the scenarios and stop
  --help           print this and stop

Choose per request with the header  x-rehearsal-scenario: NAME; key=value
or inside the prompt with           [[rehearse NAME key=value]]`

/**
 * `sluice rehearse`: prints the scenarios, starts the upstream and prints one line per call. Returns at once; the server
 * runs until the signal aborts or the returned rehearsal is closed.
 */
export async function runRehearsal(
  argv: readonly string[],
  host: RehearsalCommandHost = { write: (line) => void process.stdout.write(`${line}\n`) },
): Promise<RehearsalCommandResult> {
  const flags = readFlags(argv)
  if (typeof flags === 'string') {
    host.write(`${flags}\n\n${USAGE}`)
    return { exitCode: 2 }
  }
  if (flags.help === true) {
    host.write(USAGE)
    return { exitCode: 0 }
  }
  host.write(scenarioTable(flags.list === true))
  if (flags.list === true) return { exitCode: 0 }
  try {
    const rehearsal = await startRehearsal({
      port: Number(flags.port ?? 0),
      host: flags.host ?? '127.0.0.1',
      pace: Number(flags.pace ?? 1),
      defaultScenario: flags.scenario ?? 'assistant',
      ...(flags['require-key'] === undefined ? {} : { requireKey: flags['require-key'] }),
      keepCalls: KEPT_CALLS,
      onSettled: (call) => host.write(callLine(call)),
    })
    host.signal?.addEventListener('abort', () => void rehearsal.close(), { once: true })
    host.write(`\nlistening on ${rehearsal.url}\n`)
    return { exitCode: 0, rehearsal }
  } catch (cause) {
    host.write(`sluice rehearse: ${cause instanceof Error ? cause.message : String(cause)}`)
    return { exitCode: 1 }
  }
}

interface Flags {
  readonly port?: string
  readonly host?: string
  readonly scenario?: string
  readonly pace?: string
  readonly 'require-key'?: string
  readonly list?: boolean
  readonly help?: boolean
}

function readFlags(argv: readonly string[]): Flags | string {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        port: { type: 'string' },
        host: { type: 'string' },
        scenario: { type: 'string' },
        pace: { type: 'string' },
        'require-key': { type: 'string' },
        list: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
    if (!isWhole(values.port ?? '0', 65_535)) return `--port is "${values.port ?? ''}"; use a number from 0 to 65535`
    if (!(Number(values.pace ?? 1) >= 0)) return `--pace is "${values.pace ?? ''}"; use a number that is not negative`
    return values
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause)
  }
}

const isWhole = (text: string, maximum: number): boolean => /^\d+$/.test(text) && Number(text) <= maximum

/** The scenarios as an aligned table; with their options when asked for. */
export function scenarioTable(withOptions: boolean, scenarios: readonly Scenario[] = SCENARIOS): string {
  const width = Math.max(...scenarios.map(({ name }) => name.length))
  const row = (name: string, text: string): string => `  ${name.padEnd(width)}  ${text}`
  const options = (all: Readonly<Record<string, string>>): string[] =>
    withOptions ? Object.entries(all).map(([name, text]) => row('', `  ${name}: ${text}`)) : []
  return [
    ...scenarios.flatMap((scenario) => [row(scenario.name, scenario.summary), ...options(scenario.options)]),
    ...(withOptions ? ['', row('(all)', 'options of every scenario'), ...options(COMMON_OPTIONS)] : []),
  ].join('\n')
}

/** One line about a finished call. */
export function callLine(call: RehearsalCall): string {
  const { usage } = call
  const tokens =
    usage === undefined
      ? ''
      : ` in ${usage.inputTokens} read ${usage.cacheReadTokens} write ${usage.cacheWrite5mTokens + usage.cacheWrite1hTokens} out ${usage.outputTokens}`
  const took = (call.closedAt ?? call.receivedAt) - call.receivedAt
  return `#${call.id} ${call.method} ${call.target} ${call.responseStatus} ${call.scenario ?? '-'} ${call.outcome} ${took} ms${tokens}${call.costBasisModel === undefined ? '' : ` ${call.costBasisModel}`}`
}
