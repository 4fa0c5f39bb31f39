/**
 * Sluice against the bare pipe, side by side in one run, interleaved so that noise hits both alike.
 * The figure to go by is CPU time per exchange, which each process reads from the kernel for itself.
 */
import { writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { measureLimits } from './limits.ts'
import { measureMoney } from './money.ts'
import { startChild, type Child } from './processes/child.ts'
import { measureSpeed } from './speed.ts'

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '8' },
    exchanges: { type: 'string', default: '200' },
    frames: { type: 'string', default: '300' },
    json: { type: 'string' },
    help: { type: 'boolean' },
  },
})
if (flags.help === true) {
  console.log('npm run bench -- [--rounds 8] [--exchanges 200] [--frames 300] [--json FILE]')
  process.exit(0)
}

const upstream = await startChild('upstream.ts')
const upstreamUrl = `http://127.0.0.1:${upstream.port}`
const targets: Record<string, Child> = {
  'bare pipe': await startChild('bare-pipe.ts', [upstreamUrl]),
  sluice: await startChild('sluice.ts', [upstreamUrl, 'crc32']),
  'sluice sha256': await startChild('sluice.ts', [upstreamUrl, 'sha256']),
  'sluice with budgets on SQLite': await startChild('sluice-money.ts', [upstreamUrl]),
}
const machine = { node: process.version, cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, memoryGigabytes: Math.round(totalmem() / 2 ** 30) }
console.log(`Node ${machine.node}, ${machine.cores} cores of ${machine.cpu}, ${machine.memoryGigabytes} GB. 16 in flight, replies of ${flags.frames} frames.`)
const speed = await measureSpeed(targets, { rounds: Number(flags.rounds), exchanges: Number(flags.exchanges), frames: Number(flags.frames) })
console.table(speed)
const limits = await measureLimits(targets)
console.table(limits)
const money = await measureMoney()
console.table(money)
if (flags.json !== undefined)
  writeFileSync(
    flags.json,
    `${JSON.stringify({ machine, rounds: flags.rounds, exchanges: flags.exchanges, frames: flags.frames, speed, limits, money }, undefined, 2)}\n`,
  )
for (const child of [upstream, ...Object.values(targets)]) child.stop()
