import type { Rehearsal } from '@sluice/rehearsal'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { resultOf, runClaude, type ClaudeRun } from './claude-run.ts'
import type { ClientVersion } from './client-version.ts'
import { compareRecord } from './compare.ts'
import type { GatewayTarget } from './gateway-target.ts'
import { isRecord } from './json.ts'
import { judgeRuns } from './judge-runs.ts'
import type { MatrixCell } from './matrix-report.ts'
import { observe, type Observation } from './observation.ts'
import { picture } from './picture.ts'
import { compareRefusals } from './refusal.ts'
import type { MatrixScenario } from './scenarios.ts'
import type { UpstreamCall } from './upstream-call.ts'

/** What every cell is run with. */
export interface MatrixStage {
  readonly rehearsal: Rehearsal
  /** Makes the upstream mint the same ids again. */
  readonly reseed: () => void
  readonly gateway: GatewayTarget
  /** An empty folder: homes and working directories are made and removed in it. */
  readonly scratch: string
  /** A UUID for each session. */
  readonly mintSession: () => string
  readonly limitMillis: number
}

/** Runs without a gateway that a run through it is compared with, where it is not like the first. */
const mostDirectRuns = 3

interface Played {
  readonly runs: readonly ClaudeRun[]
  readonly calls: readonly UpstreamCall[]
  readonly observation: Observation
}

/** Runs a scenario with a version without a gateway and through it, and compares. Never rejects for what either did. */
export async function runCell(stage: MatrixStage, client: ClientVersion, scenario: MatrixScenario): Promise<MatrixCell & { readonly model: string | null }> {
  const direct = await play(stage, client, scenario, undefined)
  const model = modelOf(direct.calls)
  const base = {
    scenario: scenario.id,
    version: client.version,
    differences: [],
    differsByItself: [],
    calls: { direct: direct.observation.calls.length, through: 0 },
    ending: endingOf(direct.runs),
    costUsd: (direct.observation.shownMicroUsd.at(-1) ?? 0) / 1e6,
    recordedUsd: null,
    model,
  } as const
  const missing = scenario.missing?.(direct.runs, direct.calls)
  if (missing !== undefined) return { ...base, state: 'not-offered', detail: missing }
  const silent = direct.runs.find((run) => resultOf(run) === undefined)
  if (silent !== undefined) return { ...base, state: 'failed', detail: silent.exitCode === null ? 'took too long' : silent.complaint.slice(0, 300) }
  const key = scenario.needsBudget === true ? stage.gateway.spentKey : stage.gateway.key
  if (key === undefined) return { ...base, state: 'not-tried', detail: 'the target was set up without a budget' }
  const through = await play(stage, client, scenario, key)
  const calls = { direct: direct.observation.calls.length, through: through.observation.calls.length }
  const recordedUsd = recordedUsdOf(through.observation)
  if (scenario.needsBudget === true) {
    const differences = compareRefusals(direct.runs, through.runs, direct.observation, through.observation)
    return { ...base, state: differences.length === 0 ? 'equal' : 'differs', differences, calls, recordedUsd }
  }
  const directs = [direct.observation]
  let judgement = judgeRuns(directs, through.observation, scenario)
  // What it shows once without a gateway, among several runs, is the client's own doing.
  while (directs.length < mostDirectRuns && judgement.differences.length > 0) {
    directs.push((await play(stage, client, scenario, undefined)).observation)
    judgement = judgeRuns(directs, through.observation, scenario)
  }
  const { differsByItself } = judgement
  const differences = [...judgement.differences, ...compareRecord(through.observation, scenario)]
  return { ...base, state: differences.length === 0 ? 'equal' : 'differs', differences, differsByItself, calls, recordedUsd }
}

/** One run of a scenario: with a key through the gateway, without one straight at the upstream. Home and working directory are new, and named alike. */
async function play(stage: MatrixStage, client: ClientVersion, scenario: MatrixScenario, key: string | undefined): Promise<Played> {
  const { rehearsal, gateway } = stage
  const home = join(stage.scratch, 'home')
  const directory = join(stage.scratch, 'work', 'payments-api')
  for (const folder of [home, directory]) {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    mkdirSync(folder, { recursive: true })
  }
  writeFileSync(join(directory, 'picture.png'), picture())
  rehearsal.forget()
  stage.reseed()
  const session = stage.mintSession()
  const place = { client, home, directory, baseUrl: key === undefined ? rehearsal.url : gateway.url, key: key ?? gateway.key, limitMillis: stage.limitMillis }
  const runs: ClaudeRun[] = []
  for (const [index, step] of scenario.steps.entries()) {
    const prompt = step.prompt.replaceAll('DIRECTORY', directory)
    const words = [prompt, ...(step.flags ?? []), ...(index === 0 ? ['--session-id', session] : ['--resume', session])]
    runs.push(await runClaude(place, words, step.environment))
  }
  const calls = rehearsal.calls.map((call) => ({
    method: call.method,
    target: call.target,
    path: call.path,
    headers: call.rawHeaders,
    body: new TextDecoder().decode(call.body),
    status: call.responseStatus,
  }))
  const recorded = key === undefined ? undefined : await gateway.recorded?.(session)
  const hosts = [rehearsal.url, gateway.url].flatMap((url) => [url, new URL(url).host])
  return { runs, calls, observation: observe(runs, calls, recorded, { hosts, isUnordered: scenario.isUnordered === true }) }
}

function recordedUsdOf({ recorded }: Observation): number | null {
  return recorded === undefined ? null : Number(recorded.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0n)) / 1e9
}

function endingOf(runs: readonly ClaudeRun[]): MatrixCell['ending'] {
  const last = runs.at(-1)
  const result = last === undefined ? undefined : resultOf(last)
  if (result === undefined) return null
  return result.isError ? 'error' : 'done'
}

/** The model of the first call that has tools: the main loop's. */
function modelOf(calls: readonly UpstreamCall[]): string | null {
  for (const { body } of calls) {
    try {
      const value: unknown = JSON.parse(body)
      if (isRecord(value) && Array.isArray(value['tools']) && typeof value['model'] === 'string') return value['model']
    } catch {
      continue
    }
  }
  return null
}
