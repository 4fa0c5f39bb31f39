import { resultOf, type ClaudeRun } from './claude-run.ts'
import type { RecordedExchange } from './gateway-target.ts'
import { isRecord } from './json.ts'
import { normalText, normalValue, type Differing } from './normal-text.ts'
import type { UpstreamCall } from './upstream-call.ts'

/** What was seen of one run of a scenario, made comparable. */
export interface Observation {
  readonly exitCodes: readonly (number | null)[]
  /** What Claude Code printed, one text for each event. */
  readonly transcript: readonly string[]
  readonly calls: readonly ObservedCall[]
  /** What each step says the session has cost, in micro-dollars. */
  readonly shownMicroUsd: readonly number[]
  /** What the gateway has recorded; `undefined` without a gateway, or one that cannot be asked. */
  readonly recorded: readonly RecordedExchange[] | undefined
}

/** One call at the upstream, made comparable. */
export interface ObservedCall {
  readonly route: string
  readonly headers: readonly string[]
  readonly body: string
}

/** Headers that belong to one hop, or hold the credential, or are the gateway's to choose ([RFC 9110] section 7.6.1). */
const OF_ONE_HOP = new Set(['host', 'connection', 'content-length', 'accept-encoding', 'authorization', 'x-api-key', 'keep-alive', 'transfer-encoding'])

/** Events of Claude Code's output that say what the machine is like, or come when they like. */
const SKIPPED_EVENTS = new Set(['rate_limit_event'])

/** Makes a run comparable. */
export function observe(
  runs: readonly ClaudeRun[],
  calls: readonly UpstreamCall[],
  recorded: readonly RecordedExchange[] | undefined,
  differing: Differing,
): Observation {
  return {
    exitCodes: runs.map(({ exitCode }) => exitCode),
    transcript: runs.flatMap((run) =>
      run.events.filter(({ type }) => !SKIPPED_EVENTS.has(String(type))).map((event) => JSON.stringify(normalValue(withoutCost(event), differing))),
    ),
    // Only the API itself: probes of the address (`HEAD /`) are any gateway's to answer.
    calls: calls.filter(({ path }) => path.startsWith('/v1/')).map((call) => observedCall(call, differing)),
    shownMicroUsd: runs.map((run) => Math.round((resultOf(run)?.costUsd ?? 0) * 1e6)),
    recorded,
  }
}

function observedCall({ method, target, headers, body }: UpstreamCall, differing: Differing): ObservedCall {
  return {
    route: `${method} ${target}`,
    headers: headers
      .filter(([name]) => !OF_ONE_HOP.has(name.toLowerCase()))
      .map(([name, value]) => `${name.toLowerCase()}: ${normalText(value, differing)}`)
      .toSorted(),
    body: normalText(body, differing),
  }
}

/** What it cost is compared by itself. */
function withoutCost(event: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  if (event['type'] !== 'result') return event
  const { total_cost_usd: _total, modelUsage, ...rest } = event
  if (!isRecord(modelUsage)) return rest
  const usage = Object.entries(modelUsage).map(([model, each]) => [model, isRecord(each) ? { ...each, costUSD: undefined } : each] as const)
  return { ...rest, modelUsage: Object.fromEntries(usage) }
}

/** The names of a body's parts whose values differ, for a footnote; `bytes` when its JSON is the same. */
export function differingParts(one: string, other: string): readonly string[] {
  const left = parsed(one)
  const right = parsed(other)
  if (left === undefined || right === undefined) return ['bytes']
  const names = [...new Set([...Object.keys(left), ...Object.keys(right)])].filter((name) => JSON.stringify(left[name]) !== JSON.stringify(right[name]))
  return names.length === 0 ? ['bytes'] : names.map((name) => `${name} (${shape(left[name])}, ${shape(right[name])})`)
}

function shape(value: unknown): string {
  if (value === undefined) return 'absent'
  if (Array.isArray(value)) return `${value.length} of them`
  return isRecord(value) ? 'an object' : JSON.stringify(value).slice(0, 40)
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}
