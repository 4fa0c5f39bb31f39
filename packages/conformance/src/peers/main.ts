import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { CASES } from '../cases/index.ts'
import { PEERS } from './index.ts'
import { runPeers, type PeersRun } from './peers-run.ts'
import { root } from './repository.ts'
import { scoreboard } from './scoreboard.ts'

const usage = `npm run conformance -- --peers [NAME…] [--only TEXT] [--results FILE] [--page FILE] [--from FILE]

Runs the suite against the gateways that this repository can set up, one after the other, and writes what was found as JSON and as a page.
They are installed into node_modules/.cache where they are not there yet. One that cannot be had is reported as such.

  NAME       ${PEERS.map(({ id }) => id).join(', ')}; all of them unless given
  --only     only cases whose id or group holds this
  --results  packages/conformance/results/DATE.json unless given
  --page     docs/scoreboard.html unless given
  --from     runs nothing: writes the page again from a run's results

With --only or names, nothing is written but where a file is given.`

const defaultPage = 'docs/scoreboard.html'

/** The suite against the gateways that this repository can set up: writes the results and the scoreboard. Resolves with the exit code. */
export async function runPeersCommand(words: readonly string[]): Promise<number> {
  const { values: flags, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      peers: { type: 'boolean' },
      only: { type: 'string' },
      results: { type: 'string' },
      page: { type: 'string' },
      from: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  const names = positionals.flatMap((name) => name.split(',')).filter((name) => name !== '')
  const unknown = names.filter((name) => !PEERS.some(({ id }) => id === name))
  if (flags.help === true || unknown.length > 0) {
    if (unknown.length > 0) say(`unknown: ${unknown.join(', ')}`)
    process.stdout.write(`${usage}\n`)
    return unknown.length > 0 ? 2 : 0
  }
  if (flags.from !== undefined) {
    write(flags.page ?? defaultPage, scoreboard(JSON.parse(readFileSync(flags.from, 'utf8')) as PeersRun))
    return 0
  }
  const { only } = flags
  const run = await runPeers({
    peers: names.length === 0 ? PEERS : PEERS.filter(({ id }) => names.includes(id)),
    cases: only === undefined ? CASES : CASES.filter(({ id, group }) => id.includes(only) || group.includes(only)),
    onProgress: say,
  })
  const isWhole = only === undefined && names.length === 0
  const results = flags.results ?? (isWhole ? `packages/conformance/results/${run.startedAt.slice(0, 10)}.json` : undefined)
  const page = flags.page ?? (isWhole ? defaultPage : undefined)
  if (results !== undefined) write(results, `${JSON.stringify(run, undefined, 1)}\n`)
  if (page !== undefined) write(page, scoreboard(run))
  for (const target of run.targets) process.stdout.write(`${summary(target)}\n`)
  return 0
}

function write(file: string, content: string): void {
  const path = resolve(root, file)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
  say(`wrote ${relative(root, path)}`)
}

function summary(target: PeersRun['targets'][number]): string {
  if ('notRun' in target) return `${target.title}: not run: ${target.notRun}`
  const { pass, skip, error, failed } = target.totals
  const failures = `${failed.must} must, ${failed.should} should, ${failed.may} may`
  return `${target.title} ${target.version}: ${pass} passed; failed: ${failures} (${error} not judged); ${skip} not tried; ${Math.round(target.millis / 1000)} s`
}

/** Progress is for people; results go to stdout. */
function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
