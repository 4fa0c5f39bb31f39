import { readFileSync, writeFileSync } from 'node:fs'
import type { ConformanceCase } from './case.ts'
import { CASES } from './cases/index.ts'
import { parseCommand, selectCases, USAGE, UsageError, type Command, type Form } from './command-arguments.ts'
import type { SuiteReport } from './report.ts'
import { junitXml } from './reports/junit.ts'
import { knownLimitations, type LimitationReasons, type OtherSetUp } from './reports/known-limitations.ts'
import { reportTable, totalsLine } from './reports/table.ts'
import { runSuite } from './run-suite.ts'
import { startScriptedUpstream } from './upstream/scripted-upstream.ts'

/** Where a command prints. */
export interface CommandHost {
  /** Results. */
  readonly print: (text: string) => void
  /** Progress and complaints. */
  readonly say: (text: string) => void
  /** Whether results go to a terminal. */
  readonly isTerminal: boolean
}

/** Does what a command line says, and resolves with the exit code. */
export async function runCommand(words: readonly string[], host: CommandHost): Promise<number> {
  try {
    return await obey(parseCommand(words), host)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    host.say(`${error.message}\n\n${USAGE}`)
    return 2
  }
}

async function obey(command: Command, host: CommandHost): Promise<number> {
  switch (command.do) {
    case 'help':
      host.print(USAGE)
      return 0
    case 'list': {
      const cases = selectCases(CASES, command.selection)
      deliver(command.form === 'json' ? listJson(cases) : listText(cases), command.out, host)
      return 0
    }
    case 'limitations': {
      const report = readJson(command.report) as SuiteReport
      const reasons = command.reasons === undefined ? {} : (readJson(command.reasons) as LimitationReasons)
      const others = command.others === undefined ? [] : (readJson(command.others) as { readonly targets: readonly OtherSetUp[] }).targets
      // The set-up by the command line is the report itself.
      deliver(
        knownLimitations(
          report,
          reasons,
          others.filter(({ id }) => id.startsWith('sluice-')),
        ),
        command.out,
        host,
      )
      return 0
    }
    default:
      return run(command, host)
  }
}

async function run(command: Command & { readonly do: 'run' }, host: CommandHost): Promise<number> {
  const cases = selectCases(CASES, command.selection)
  const upstream = await startScriptedUpstream({ port: command.upstreamPort, host: command.upstreamHost }).catch((error: unknown) => {
    throw new UsageError(
      `the upstream cannot listen on ${command.upstreamHost}:${command.upstreamPort}: ${error instanceof Error ? error.message : String(error)}`,
    )
  })
  host.say(`upstream on ${upstream.url}; ${cases.length} cases against ${command.target.url}`)
  try {
    const report = await runSuite({
      target: command.target,
      upstream,
      cases,
      patienceMillis: command.patienceMillis,
      graceMillis: command.graceMillis,
      onCase: ({ id, verdict, detail, millis }, done, total) => {
        host.say(`[${done}/${total}] ${verdict.padEnd(5)} ${id} (${millis} ms)${detail === undefined || verdict === 'skip' ? '' : `: ${detail}`}`)
      },
    })
    deliver(printed(report, command.form, host.isTerminal && command.out === undefined), command.out, host)
    if (command.form !== 'table' || command.out !== undefined) host.say(totalsLine(report))
    return report.totals.failed.must > 0 ? 1 : 0
  } finally {
    await upstream.close()
  }
}

function printed(report: SuiteReport, form: Form, isColoured: boolean): string {
  if (form === 'json') return JSON.stringify(report, null, 2)
  return form === 'junit' ? junitXml(report) : reportTable(report, { isColoured })
}

/** The cases as data: everything but what they do. */
function listJson(cases: readonly ConformanceCase[]): string {
  return JSON.stringify(
    cases.map(({ id, group, title, requirement, source, severity, needs = [] }) => ({ id, group, title, requirement, source, severity, needs })),
    null,
    2,
  )
}

function listText(cases: readonly ConformanceCase[]): string {
  const width = Math.max(0, ...cases.map(({ id }) => id.length))
  return [...cases.map(({ id, severity, title }) => `${id.padEnd(width)}  ${severity.padEnd(6)}  ${title}`), '', `${cases.length} cases`].join('\n')
}

function deliver(text: string, out: string | undefined, host: CommandHost): void {
  if (out === undefined) host.print(text)
  else writeFileSync(out, text.endsWith('\n') ? text : `${text}\n`)
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`)
  }
}
