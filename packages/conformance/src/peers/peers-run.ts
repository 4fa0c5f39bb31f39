import { cpus, release, totalmem, type } from 'node:os'
import type { ConformanceCase, Verdict } from '../case.ts'
import type { SuiteReport, Totals } from '../report.ts'
import { runSuite } from '../run-suite.ts'
import { startScriptedUpstream } from '../upstream/scripted-upstream.ts'
import { SUITE } from '../version.ts'
import { NotHere, type Peer } from './peer.ts'

/** How one target did in one case. */
export interface PeerCaseResult {
  readonly verdict: Verdict['verdict']
  /** What was seen; absent for what passed. */
  readonly detail?: string
}

/** One target of a run. */
export interface PeerResult {
  readonly id: string
  readonly title: string
  readonly about: string
  readonly version: string
  readonly millis: number
  readonly totals: Totals
  /** By the case's id. */
  readonly results: Readonly<Record<string, PeerCaseResult>>
}

/** One target that could not be had. */
export interface PeerNotRun {
  readonly id: string
  readonly title: string
  readonly about: string
  /** Why it did not run. */
  readonly notRun: string
}

/** The suite against several gateways on one machine. Plain JSON. */
export interface PeersRun {
  readonly suite: { readonly name: string; readonly version: string }
  /** ISO 8601, in UTC. */
  readonly startedAt: string
  readonly machine: { readonly node: string; readonly cpu: string; readonly cores: number; readonly memoryGigabytes: number; readonly system: string }
  readonly cases: readonly Pick<ConformanceCase, 'id' | 'group' | 'title' | 'requirement' | 'source' | 'severity'>[]
  readonly targets: readonly (PeerResult | PeerNotRun)[]
}

/** What to run against what. */
export interface PeersRunOptions {
  readonly peers: readonly Peer[]
  readonly cases: readonly ConformanceCase[]
  /** Told of what is going on, for people. */
  readonly onProgress?: (line: string) => void
  /** Told of each target's report as it ends. */
  readonly onReport?: (peer: Peer, report: SuiteReport) => void
}

/** Runs the suite against one peer after the other. A peer that cannot be had, or that cannot be started, is reported as such. */
export async function runPeers({ peers, cases, onProgress, onReport }: PeersRunOptions): Promise<PeersRun> {
  const startedAt = new Date().toISOString()
  const targets: (PeerResult | PeerNotRun)[] = []
  for (const peer of peers) {
    onProgress?.(`${peer.title}: starting`)
    try {
      const { report, version } = await runPeer(peer, cases, onProgress)
      onReport?.(peer, report)
      targets.push(toResult(peer, version, report))
    } catch (error) {
      if (!(error instanceof NotHere)) throw error
      onProgress?.(`${peer.title}: not run: ${error.message}`)
      targets.push({ ...shown(peer), notRun: error.message })
    }
  }
  return {
    suite: SUITE,
    startedAt,
    machine: {
      node: process.version,
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: cpus().length,
      memoryGigabytes: Math.round(totalmem() / 2 ** 30),
      system: `${type()} ${release().split('-')[0] ?? ''}`,
    },
    cases: cases.map(({ id, group, title, requirement, source, severity }) => ({ id, group, title, requirement, source, severity })),
    targets,
  }
}

async function runPeer(
  peer: Peer,
  cases: readonly ConformanceCase[],
  onProgress: PeersRunOptions['onProgress'],
): Promise<{ readonly report: SuiteReport; readonly version: string }> {
  const upstream = await startScriptedUpstream()
  try {
    const target = await peer.start({ upstreamUrl: upstream.url, ...(onProgress !== undefined && { onProgress }) })
    try {
      const report = await runSuite({
        target,
        upstream,
        cases,
        onCase: (each, done, total) => {
          if (each.verdict !== 'pass') onProgress?.(`${peer.title} ${done}/${total} ${each.verdict} ${each.id}: ${each.detail ?? ''}`)
        },
      })
      return { report, version: target.version }
    } finally {
      await target.stop()
    }
  } finally {
    await upstream.close()
  }
}

function toResult(peer: Peer, version: string, { millis, totals, cases }: SuiteReport): PeerResult {
  const results = cases.map(({ id, verdict, detail }): [string, PeerCaseResult] => [id, { verdict, ...(detail !== undefined && { detail }) }])
  return { ...shown(peer), version, millis, totals, results: Object.fromEntries(results) }
}

function shown({ id, title, about }: Peer): Pick<Peer, 'id' | 'title' | 'about'> {
  return { id, title, about }
}
