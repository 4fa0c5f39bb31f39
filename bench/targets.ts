import { claudeGateway } from '../packages/conformance/src/peers/claude-gateway.ts'
import { litellm } from '../packages/conformance/src/peers/litellm.ts'
import { nginx } from '../packages/conformance/src/peers/nginx.ts'
import { NotHere, type Peer } from '../packages/conformance/src/peers/peer.ts'
import { portkey } from '../packages/conformance/src/peers/portkey.ts'
import { startChild } from './processes/child.ts'

/** Something that is measured, as it runs. */
export interface BenchTarget {
  readonly id: string
  readonly title: string
  readonly version: string
  readonly port: number
  /** What its callers send besides what every caller sends. */
  readonly headers: Readonly<Record<string, string>>
  /** The process that serves, with its children. Absent for the upstream itself, which costs nothing here. */
  readonly pid?: number
  /** The longest that the event loop was away since the last call; of this project's own processes. */
  readonly stallMillis?: () => Promise<number>
  /** Collects all garbage; of this project's own processes. */
  readonly collect?: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** Something that can be measured. */
export interface TargetKind {
  readonly id: string
  readonly title: string
  readonly about: string
  /**
   * @param nodeFlags - of this project's own processes, the bare pipe's too
   * @throws NotHere where it cannot be had on this machine
   */
  readonly start: (upstreamUrl: string, nodeFlags?: readonly string[]) => Promise<BenchTarget>
}

/** The yardstick: ratios are to this one. */
export const yardstick = 'bare-pipe'

/** Everything that can be measured, in the order of reports. */
export const TARGET_KINDS: readonly TargetKind[] = [
  own(yardstick, 'Bare undici pipe', 'node:http in, undici out, both piped: the least a proxy can do on Node', 'bare-pipe.ts'),
  own('sluice-bare', 'Sluice, nothing added', 'createGateway() with no digests: byte-exact relay and metering, no keys, no proof, no ledger', 'sluice-bare.ts'),
  own('sluice', 'Sluice, ordinary', 'keys in a table, attribution, metering, checksums as proof, ledger in memory', 'sluice.ts', ['crc32']),
  own('sluice-sha256', 'Sluice, SHA-256 proof', 'as before, with SHA-256 in place of the checksums', 'sluice.ts', ['sha256']),
  own('sluice-money', 'Sluice, budgets on SQLite', 'issued keys, rate limits, three budgets, and a durable ledger in a SQLite file', 'sluice-money.ts'),
  foreign(claudeGateway),
  foreign(portkey),
  foreign(litellm),
  foreign(nginx),
]

function own(id: string, title: string, about: string, script: string, args: readonly string[] = []): TargetKind {
  return {
    id,
    title,
    about,
    start: async (upstreamUrl, nodeFlags) => {
      const child = await startChild(script, [upstreamUrl, ...args], nodeFlags)
      const headers = { authorization: `Bearer ${child.key}` }
      return {
        id,
        title,
        version: process.version,
        port: child.port,
        headers,
        pid: child.pid,
        stallMillis: child.stallMillis,
        collect: child.collect,
        stop: () => Promise.resolve(child.stop()),
      }
    },
  }
}

function foreign(peer: Peer): TargetKind {
  return {
    id: peer.id,
    title: peer.title,
    about: peer.about,
    start: async (upstreamUrl) => {
      const running = await peer.start({ upstreamUrl, onProgress: (line) => console.error(line) })
      const { key = 'bench-key-of-no-worth', authenticationHeader, headers = [] } = running
      const credential = authenticationHeader === 'authorization' ? { authorization: `Bearer ${key}` } : { 'x-api-key': key }
      return {
        id: peer.id,
        title: peer.title,
        version: running.version,
        port: Number(new URL(running.url).port),
        headers: { ...credential, ...Object.fromEntries(headers) },
        pid: running.pid,
        stop: running.stop,
      }
    },
  }
}

/** Something that cannot be had here. */
export interface NotStarted {
  readonly id: string
  readonly title: string
  readonly why: string
}

/** Starts what can be had, all at once, and says of the rest why not. */
export async function startTargets(
  kinds: readonly TargetKind[],
  upstreamUrl: string,
): Promise<{ readonly targets: readonly BenchTarget[]; readonly notRun: readonly NotStarted[] }> {
  const started = await Promise.all(
    kinds.map(async ({ id, title, start }): Promise<BenchTarget | NotStarted> => {
      try {
        return await start(upstreamUrl)
      } catch (error) {
        if (!(error instanceof NotHere)) throw error
        return { id, title, why: error.message }
      }
    }),
  )
  const isStarted = (each: BenchTarget | NotStarted): each is BenchTarget => !('why' in each)
  return { targets: started.filter(isStarted), notRun: started.filter((each): each is NotStarted => !isStarted(each)) }
}
