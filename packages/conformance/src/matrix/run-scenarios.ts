import { seededRandom, startRehearsal } from '@sluice/rehearsal'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SUITE } from '../version.ts'
import { MATRIX_VERSIONS, type ClientVersion } from './client-version.ts'
import type { GatewayTarget } from './gateway-target.ts'
import type { MatrixCell, MatrixReport } from './matrix-report.ts'
import { runCell, type MatrixStage } from './run-cell.ts'
import type { MatrixScenario } from './scenarios.ts'

/** What to run, and against what. */
export interface MatrixOptions {
  readonly clients: readonly ClientVersion[]
  readonly scenarios: readonly MatrixScenario[]
  /** Makes the gateway, once the upstream listens. It is stopped at the end. */
  readonly startGateway: (upstreamUrl: string) => Promise<GatewayTarget>
  /** Where the upstream listens. @defaultValue any free port */
  readonly upstreamPort?: number
  /** Cells that need no run. @defaultValue none */
  readonly isDone?: (version: string, scenario: string) => boolean
  /** How long one start of Claude Code may take. @defaultValue 120000 */
  readonly limitMillis?: number
  /** Told of each cell as it is done. */
  readonly onCell?: (cell: MatrixCell) => void
  /** Told after each cell what has been found so far: a whole matrix takes long. */
  readonly onProgress?: (report: MatrixReport) => void
}

/** Runs every scenario with every client, one after the other, and resolves with what was found. */
export async function runScenarios(options: MatrixOptions): Promise<MatrixReport> {
  let random = seededRandom(1)
  const rehearsal = await startRehearsal({ random: () => random(), ...(options.upstreamPort === undefined ? {} : { port: options.upstreamPort }) })
  const scratch = mkdtempSync(join(tmpdir(), 'claude-code-matrix-'))
  let gateway: GatewayTarget | undefined
  try {
    gateway = await options.startGateway(rehearsal.url)
    const stage: MatrixStage = {
      rehearsal,
      reseed: () => {
        random = seededRandom(1)
      },
      gateway,
      scratch,
      mintSession: () => crypto.randomUUID(),
      limitMillis: options.limitMillis ?? 120_000,
    }
    const { name, version } = gateway
    const cells: MatrixCell[] = []
    const models = new Map<string, string | null>()
    const report = (): MatrixReport => ({
      suite: SUITE,
      target: { name, version },
      date: new Date().toISOString().slice(0, 10),
      platform: `${process.platform}-${process.arch}`,
      versions: [...models].map(([each, model]) => ({ version: each, releasedOn: releasedOn(each), model })),
      scenarios: options.scenarios.map(({ id, title, remark }) => ({ id, title, ...(remark === undefined ? {} : { remark }) })),
      cells: [...cells],
    })
    for (const client of options.clients) {
      for (const scenario of options.scenarios) {
        if (options.isDone?.(client.version, scenario.id) === true) continue
        const { model, ...cell } = await runCell(stage, client, scenario)
        models.set(client.version, models.get(client.version) ?? model)
        cells.push(cell)
        options.onCell?.(cell)
        options.onProgress?.(report())
      }
    }
    return report()
  } finally {
    await gateway?.stop()
    await rehearsal.close()
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5 })
  }
}

function releasedOn(version: string): string | null {
  return MATRIX_VERSIONS.find((each) => each.version === version)?.releasedOn ?? null
}
