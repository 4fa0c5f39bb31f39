import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { installedClient, MATRIX_VERSIONS, pinnedClient, type ClientVersion } from './client-version.ts'
import { runningGateway } from './gateway-target.ts'
import { parseMatrixArguments, type MatrixArguments } from './matrix-arguments.ts'
import { matrixPage } from './matrix-page.ts'
import type { MatrixReport } from './matrix-report.ts'
import { mergedReports } from './merge-reports.ts'
import { runScenarios } from './run-scenarios.ts'
import { MATRIX_SCENARIOS } from './scenarios.ts'
import { startSluice } from './sluice-gateway.ts'

/** Where the matrix writes to. */
export interface MatrixOutput {
  /** The table, or the report. */
  readonly print: (text: string) => void
  /** Progress, and what is wrong with the command line. */
  readonly tell: (text: string) => void
}

const OF_PROCESS: MatrixOutput = {
  print: (text) => void process.stdout.write(`${text}\n`),
  tell: (text) => void process.stderr.write(`${text}\n`),
}

const repository = join(import.meta.dirname, '..', '..', '..', '..')

/**
 * Runs the Claude Code matrix: `--claude-code [versions…] [--target sluice|URL]`. Progress goes to stderr, the page or the JSON to stdout.
 *
 * @param words - the command line, without the name of the program
 * @returns the exit code: 1 when a cell differs or failed, 2 when the command line makes no sense
 */
export async function runMatrix(words: readonly string[], { print, tell }: MatrixOutput = OF_PROCESS): Promise<number> {
  const parsed = parseMatrixArguments(words)
  if ('problem' in parsed) {
    tell(parsed.problem)
    return 2
  }
  const unknown = parsed.only.filter((id) => !MATRIX_SCENARIOS.some((scenario) => scenario.id === id))
  if (unknown.length > 0) {
    tell(`no scenario ${unknown.join(', ')}; there are ${MATRIX_SCENARIOS.map(({ id }) => id).join(', ')}`)
    return 2
  }
  const today = new Date().toISOString().slice(0, 10)
  const out = parsed.out ?? (parsed.isOnlyMissing ? join(repository, 'packages/conformance/results', `claude-code-${today}.json`) : undefined)
  const former = parsed.isOnlyMissing && out !== undefined ? reportOf(out, today) : undefined
  const whole = (report: MatrixReport): MatrixReport => (former === undefined ? report : mergedReports([former, report]))
  const keep = (report: MatrixReport): void => {
    if (out !== undefined) writeFileSync(out, `${JSON.stringify(report, undefined, 2)}\n`)
    if (parsed.page !== undefined) writeFileSync(parsed.page, matrixPage(report))
  }
  const report =
    parsed.from.length > 0
      ? mergedReports(parsed.from.map((file) => JSON.parse(readFileSync(file, 'utf8')) as MatrixReport))
      : whole(await ran(parsed, former, (partial) => keep(whole(partial)), tell))
  keep(report)
  if (parsed.isJson) print(JSON.stringify(report, undefined, 2))
  else if (parsed.page === undefined) print(matrixPage(report))
  return report.cells.some(({ state }) => state === 'differs' || state === 'failed') ? 1 : 0
}

/** What a file holds of a day; undefined where it holds none. */
function reportOf(file: string, date: string): MatrixReport | undefined {
  if (!existsSync(file)) return undefined
  const report = JSON.parse(readFileSync(file, 'utf8')) as MatrixReport
  return report.date === date ? report : undefined
}

async function ran(
  { versions, only, target, key, upstreamPort }: MatrixArguments,
  former: MatrixReport | undefined,
  onProgress: (report: MatrixReport) => void,
  tell: (text: string) => void,
): Promise<MatrixReport> {
  return await runScenarios({
    clients: await clientsOf(versions),
    scenarios: MATRIX_SCENARIOS.filter(({ id }) => only.length === 0 || only.includes(id)),
    isDone: (version, scenario) => former?.cells.some((each) => each.version === version && each.scenario === scenario && each.state !== 'failed') ?? false,
    startGateway: (upstreamUrl) => (target === 'sluice' ? startSluice(upstreamUrl) : Promise.resolve(runningGateway(target, key))),
    ...(upstreamPort === undefined ? {} : { upstreamPort }),
    onProgress,
    onCell: ({ version, scenario, state, differences, detail }) => {
      const words = [state, detail, ...differences.map((each) => `${each.aspect}: ${each.detail}`)]
      tell(`${version} ${scenario}: ${words.filter((text) => text !== undefined).join(' | ')}`)
    },
  })
}

async function clientsOf(versions: readonly string[]): Promise<readonly ClientVersion[]> {
  const cache = join(repository, 'node_modules', '.cache', 'sluice-claude-code')
  const clients: ClientVersion[] = []
  for (const version of versions.length === 0 ? MATRIX_VERSIONS.map(({ version }) => version) : versions) {
    const pinned = version === 'pinned' ? pinnedClient() : undefined
    clients.push(pinned ?? (await installedClient(version, cache)))
  }
  return clients
}
