import { resultOf, type ClaudeRun } from './claude-run.ts'
import type { Difference } from './compare.ts'
import type { Observation } from './observation.ts'

/**
 * Compares how Claude Code takes a spent budget that the gateway refuses with how it takes the same refusal from the upstream: Anthropic's own gateway
 * answers so. The words differ; how often it asks and how it ends must not, and through the gateway nothing may reach the upstream.
 */
export function compareRefusals(
  directRuns: readonly ClaudeRun[],
  throughRuns: readonly ClaudeRun[],
  direct: Observation,
  through: Observation,
): readonly Difference[] {
  const differences: Difference[] = []
  const add = (aspect: Difference['aspect'], one: string, other: string): void => {
    if (one !== other) differences.push({ aspect, detail: `${one} without a gateway, ${other} through it` })
  }
  add('exit code', direct.exitCodes.join(', '), through.exitCodes.join(', '))
  add('refusal', ending(directRuns), ending(throughRuns))
  if (through.calls.length > 0) differences.push({ aspect: 'calls', detail: `${through.calls.length} refused calls reached the upstream` })
  if (through.recorded !== undefined) {
    add('recorded calls', String(direct.calls.length), String(through.recorded.length))
    const spent = through.recorded.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0n)
    if (spent > 0n) differences.push({ aspect: 'recorded cost', detail: `${spent} nano-dollars are recorded for refused calls` })
  }
  return differences
}

/** How the last run ended, the gateway's own words left out. */
function ending(runs: readonly ClaudeRun[]): string {
  const last = runs.at(-1)
  const result = last === undefined ? undefined : resultOf(last)
  if (result === undefined) return 'no result'
  const text = result.text.replace(/\{.*\}/s, 'THE REFUSAL').replace(/spend limit reached.*$/s, 'THE REFUSAL')
  return `${result.subtype}, ${result.isError ? 'an error' : 'no error'}, "${text}"`
}
