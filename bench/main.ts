/**
 * Every gateway that can be had here, side by side in one run, interleaved so that noise hits all alike.
 * The figure to go by is CPU time per exchange, from the kernel's books of each target's own processes.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { performanceMarkdown } from './report/markdown.ts'
import { performancePage } from './report/performance-page.ts'
import { runBench, type BenchRun } from './run.ts'
import { TARGET_KINDS } from './targets.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

const usage = `npm run bench -- [--quick] [--targets NAMES] [--json FILE] [--publish | --from FILE]

Measures gateways side by side: CPU per exchange, added delays, memory per open stream, growth, and pieces of the hot path.
Needs Linux, for the kernel's books. Peers are installed into node_modules/.cache where they are not there yet.

  --quick     a look in under two minutes: few rounds, two sizes, memory of processes that have served already
  --targets   ${TARGET_KINDS.map(({ id }) => id).join(',')}; all of them unless given, some by commas
  --json      writes the figures to a file
  --publish   writes bench/results/DATE.json, docs/performance.md and docs/performance.html
  --from      measures nothing: writes the two documents again from a run's figures`

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    targets: { type: 'string' },
    json: { type: 'string' },
    publish: { type: 'boolean', default: false },
    from: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

const names = flags.targets?.split(',') ?? []
const unknown = names.filter((name) => !TARGET_KINDS.some(({ id }) => id === name))
if (flags.help || unknown.length > 0) {
  if (unknown.length > 0) console.error(`unknown: ${unknown.join(', ')}`)
  console.log(usage)
  process.exit(unknown.length > 0 ? 2 : 0)
}

if (flags.from !== undefined) {
  writeDocuments(JSON.parse(readFileSync(flags.from, 'utf8')) as BenchRun)
} else {
  const run = await runBench({
    kinds: names.length === 0 ? TARGET_KINDS : TARGET_KINDS.filter(({ id }) => names.includes(id)),
    isQuick: flags.quick,
    onProgress: (line) => console.error(line),
  })
  show(run)
  if (flags.json !== undefined) write(flags.json, toJson(run))
  if (flags.publish) {
    write(join(root, 'bench/results', `${run.startedAt.slice(0, 10)}.json`), toJson(run))
    writeDocuments(run)
  }
}

function writeDocuments(run: BenchRun): void {
  write(join(root, 'docs/performance.md'), performanceMarkdown(run))
  write(join(root, 'docs/performance.html'), performancePage(run))
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  console.error(`wrote ${file}`)
}

function toJson(run: BenchRun): string {
  return `${JSON.stringify(run, undefined, 1)}\n`
}

function show(run: BenchRun): void {
  const { node, cpu, cores, memoryGigabytes, system } = run.machine
  console.log(`Node ${node}, ${cores} cores of ${cpu}, ${memoryGigabytes} GB, ${system}; ${run.seconds} s`)
  console.table(run.speed)
  console.table(run.growth)
  console.table(
    run.latency.map(({ target, addedFirstByteMillis, addedPerEventMillis }) => ({
      target,
      'first byte p50': addedFirstByteMillis.p50,
      'first byte p99': addedFirstByteMillis.p99,
      'event p50': addedPerEventMillis.p50,
      'event p99': addedPerEventMillis.p99,
    })),
  )
  console.table(
    run.memory.map(({ target, idleMegabytes, levels, stoppedBecause }) => ({
      target,
      idleMegabytes,
      ...Object.fromEntries(levels.map(({ streams, kilobytesPerStream }) => [`KB at ${streams}`, kilobytesPerStream])),
      ...(stoppedBecause !== undefined && { stoppedBecause }),
    })),
  )
  console.table(run.stalls)
  console.table(run.micro)
  if (run.money !== undefined) console.table(run.money)
  for (const { title, why } of run.notRun) console.log(`not run: ${title}: ${why}`)
}
