/**
 * Sluice against the bare pipe, side by side in one run, interleaved so that noise hits both alike.
 * The figure to go by is CPU time per exchange, which each process reads from the kernel for itself.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { claudeCodeBody, Load, type Timing } from './load.ts'
import { startChild, type Child } from './processes/child.ts'
import { median, quantile } from './statistics.ts'

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '6' },
    exchanges: { type: 'string', default: '200' },
    frames: { type: 'string', default: '300' },
    json: { type: 'string' },
    help: { type: 'boolean' },
  },
})
if (flags.help === true) {
  console.log('npm run bench -- [--rounds 6] [--exchanges 200] [--frames 300] [--json FILE]')
  process.exit(0)
}
const rounds = Number(flags.rounds)
const exchanges = Number(flags.exchanges)
const frames = Number(flags.frames)
const concurrency = 16
/** Enough for the compiler to have seen everything hot; its threads' time counts too. */
const warmUpExchanges = 1_500

const upstream = await startChild('upstream.ts')
const upstreamUrl = `http://127.0.0.1:${upstream.port}`
const targets: Record<string, Child> = {
  'bare pipe': await startChild('bare-pipe.ts', [upstreamUrl]),
  sluice: await startChild('sluice.ts', [upstreamUrl, 'crc32']),
  'sluice sha256': await startChild('sluice.ts', [upstreamUrl, 'sha256']),
}

interface Sample {
  readonly cpuMillis: number
  readonly timings: readonly Timing[]
}

async function measure(target: Child, body: Buffer): Promise<Sample> {
  const load = new Load(target.port, concurrency)
  const before = await target.cpuMicros()
  await load.run(exchanges, concurrency, body, frames)
  const after = await target.cpuMicros()
  // First bytes are timed one request at a time: under load they measure the queue, not the gateway.
  const timings = await load.run(60, 1, body, 10)
  load.close()
  return { cpuMillis: (after - before) / 1000 / exchanges, timings }
}

const results: object[] = []
for (const kilobytes of [100, 350, 1024]) {
  const body = claudeCodeBody(kilobytes * 1024)
  const samples = new Map<string, Sample[]>(Object.keys(targets).map((name) => [name, []]))
  for (const target of Object.values(targets)) await new Load(target.port, concurrency).run(warmUpExchanges, concurrency, body, frames)
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, target] of Object.entries(targets)) samples.get(name)?.push(await measure(target, body))
  }
  const bare = samples.get('bare pipe') as Sample[]
  const bareCpu = median(bare.map((sample) => sample.cpuMillis))
  const firstBytes = (of: readonly Sample[]): number[] => of.flatMap((sample) => sample.timings.map((timing) => timing.firstByteMillis))
  for (const [name, of] of samples) {
    const cpuMillis = median(of.map((sample) => sample.cpuMillis))
    // Ratio of neighbours in time, so that a slow minute cancels out.
    const cpuRatio = median(of.map((sample, round) => sample.cpuMillis / (bare[round] as Sample).cpuMillis))
    const addedP50 = quantile(firstBytes(of), 0.5) - quantile(firstBytes(bare), 0.5)
    const addedP99 = quantile(firstBytes(of), 0.99) - quantile(firstBytes(bare), 0.99)
    results.push({
      kilobytes,
      target: name,
      cpuMillis: round(cpuMillis),
      cpuRatio: round(cpuRatio),
      bareCpuMillis: round(bareCpu),
      addedFirstByteP50Millis: round(addedP50),
      addedFirstByteP99Millis: round(addedP99),
    })
  }
}
console.table(results)
if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(results, undefined, 2)}\n`)
for (const child of [upstream, ...Object.values(targets)]) child.stop()

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
