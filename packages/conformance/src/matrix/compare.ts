import { differingParts, type Observation, type ObservedCall } from './observation.ts'

/** What two runs are compared in. */
export type Aspect =
  | 'exit code'
  | 'transcript'
  | 'calls'
  | 'request headers'
  | 'request bodies'
  | 'shown cost'
  | 'recorded cost'
  | 'recorded calls'
  | 'proof'
  | 'refusal'

/** One way in which a run through the gateway was not like the run without one. */
export interface Difference {
  readonly aspect: Aspect
  /** One line, without ids and times, so that the same difference in two versions reads the same. */
  readonly detail: string
}

/** How runs are to be compared: see the fields of the same names of a scenario. */
export interface Comparing {
  readonly isUnordered?: boolean
  readonly breaksOff?: boolean
}

/** Compares what Claude Code did, and what reached the upstream, without a gateway and through one. */
export function compareRuns(direct: Observation, through: Observation, comparing: Comparing): readonly Difference[] {
  const ordered = (texts: readonly string[]): readonly string[] => (comparing.isUnordered === true ? texts.toSorted() : texts)
  const differences: Difference[] = []
  const add = (aspect: Aspect, detail: string | undefined): void => {
    if (detail !== undefined) differences.push({ aspect, detail })
  }
  add('exit code', unlessEqual(direct.exitCodes.join(', '), through.exitCodes.join(', ')))
  add('transcript', transcriptDifference(ordered(direct.transcript), ordered(through.transcript)))
  const routes = ({ calls }: Observation): readonly string[] => ordered(calls.map(({ route }) => route))
  add('calls', unlessEqual(counted(routes(direct)), counted(routes(through))))
  if (direct.calls.length === through.calls.length) {
    const pairs = paired(direct.calls, through.calls, comparing)
    add('request headers', headerDifference(pairs))
    add('request bodies', bodyDifference(pairs))
  }
  if (comparing.isUnordered !== true) add('shown cost', unlessEqual(dollars(direct.shownMicroUsd), dollars(through.shownMicroUsd)))
  return differences
}

/** Compares what the gateway has recorded of its run with what reached the upstream, and with what Claude Code says it cost. */
export function compareRecord(through: Observation, { breaksOff = false }: Comparing): readonly Difference[] {
  const { recorded, shownMicroUsd, calls } = through
  if (recorded === undefined) return []
  const inferences = recorded.filter(({ path }) => path.startsWith('/v1/messages') && !path.startsWith('/v1/messages/'))
  const sent = calls.filter(({ route }) => /^POST \/v1\/messages(?:\?|$)/.test(route)).length
  const differences: Difference[] = []
  const attempts = inferences.reduce((sum, each) => sum + each.attempts, 0)
  if (attempts !== sent) differences.push({ aspect: 'recorded calls', detail: `${sent} reached the upstream, ${attempts} are recorded` })
  const changed = recorded.filter(({ isUnchanged, outcome }) => isUnchanged === false && outcome === 'completed').length
  if (changed > 0) differences.push({ aspect: 'proof', detail: `${changed} exchanges are recorded as changed` })
  const nanoUsd = recorded.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0n)
  const micros = Number((nanoUsd + 500n) / 1000n)
  const sum = shownMicroUsd.reduce((total, each) => total + each, 0)
  // A session that is resumed shows what all of it cost, or what this run did, depending on the version.
  const shown = [sum, shownMicroUsd.at(-1) ?? 0]
  const tolerance = shownMicroUsd.length - 1
  const agrees = shown.some((each) => (breaksOff ? micros >= each : Math.abs(micros - each) <= (each === sum ? tolerance : 0)))
  if (!agrees) differences.push({ aspect: 'recorded cost', detail: `Claude Code shows ${dollars(shownMicroUsd)}, recorded is ${dollars([micros])}` })
  return differences
}

function unlessEqual(direct: string, through: string): string | undefined {
  return direct === through ? undefined : `${direct} without a gateway, ${through} through it`
}

const dollars = (micros: readonly number[]): string => micros.map((each) => `$${(each / 1e6).toFixed(6)}`).join(', ')

/** `2 x POST /v1/messages?beta=true, 1 x …`, runs of equal ones counted together. */
function counted(routes: readonly string[]): string {
  const groups: { route: string; count: number }[] = []
  for (const route of routes) {
    const last = groups.at(-1)
    if (last?.route === route) last.count += 1
    else groups.push({ route, count: 1 })
  }
  return groups.length === 0 ? 'none' : groups.map(({ route, count }) => `${count} × ${route}`).join(', ')
}

type Pair = readonly [direct: ObservedCall, through: ObservedCall]

function paired(direct: readonly ObservedCall[], through: readonly ObservedCall[], { isUnordered = false }: Comparing): readonly Pair[] {
  const key = ({ route, body, headers }: ObservedCall): string => `${route}\n${body}\n${headers.join('\n')}`
  const sorted = (calls: readonly ObservedCall[]): readonly ObservedCall[] =>
    isUnordered ? calls.toSorted((one, other) => (key(one) < key(other) ? -1 : 1)) : calls
  const right = sorted(through)
  return sorted(direct).flatMap((call, index) => {
    const other = right[index]
    return other === undefined ? [] : [[call, other] as const]
  })
}

function headerDifference(pairs: readonly Pair[]): string | undefined {
  const names = new Set<string>()
  for (const [direct, through] of pairs) {
    const missing = direct.headers.filter((line) => !through.headers.includes(line))
    const added = through.headers.filter((line) => !direct.headers.includes(line))
    for (const line of [...missing, ...added]) names.add(line.slice(0, line.indexOf(':')))
  }
  return names.size === 0 ? undefined : [...names].toSorted().join(', ')
}

function bodyDifference(pairs: readonly Pair[]): string | undefined {
  const parts = pairs.flatMap(([direct, through], index) =>
    direct.body === through.body ? [] : [`call ${index + 1}: ${differingParts(direct.body, through.body).join(', ')}`],
  )
  return parts.length === 0 ? undefined : parts.join('; ')
}

/** What kinds of events differ. Their texts hold what the version's own prompts say, and stay out of reports. */
function transcriptDifference(direct: readonly string[], through: readonly string[]): string | undefined {
  if (direct.join('\n') === through.join('\n')) return undefined
  const only = (texts: readonly string[], others: readonly string[]): readonly string[] => {
    const left = [...others]
    return texts.filter((text) => {
      const at = left.indexOf(text)
      if (at >= 0) left.splice(at, 1)
      return at < 0
    })
  }
  const missing = only(direct, through)
  const added = only(through, direct)
  if (missing.length === 0 && added.length === 0) return 'the same events in another order'
  return `${kinds(missing)} without a gateway, ${kinds(added)} through it`
}

function kinds(texts: readonly string[]): string {
  if (texts.length === 0) return 'none'
  const names = texts.map((text) => {
    const { type, subtype } = JSON.parse(text) as { readonly type?: string; readonly subtype?: string }
    return subtype === undefined ? String(type) : `${type}/${subtype}`
  })
  return counted(names.toSorted())
}
