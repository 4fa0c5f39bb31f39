import { parseArgs } from 'node:util'
import { GROUPS, SEVERITIES, type ConformanceCase, type Severity } from './case.ts'
import { SUITE_DEFAULTS } from './run-suite.ts'
import type { AuthenticationHeader, Target } from './target.ts'

/** The help text. */
export const USAGE: string = `Usage: sluice-conformance --target URL --upstream-port N [flags]

Judges a gateway in front of the Anthropic Messages API, from both its sides:
  1. Let the gateway forward to http://127.0.0.1:8790. The suite is its upstream, and listens there while it runs.
  2. Run the suite with --target, and --key where the gateway has keys of its own. Turn its rate limits off, or high.
  3. What the flags do not tell of is not tried, and shows as skipped. Cases of severity must are what clients break on.

  --target URL            where clients send to: what would be ANTHROPIC_BASE_URL
  --upstream-port N       where the suite's own upstream listens (8790)
  --upstream-host H       the address it listens on (127.0.0.1)
  --key KEY               what the client authenticates with; without it, cases about keys are skipped
  --auth-header WHERE     x-api-key, authorization or both (x-api-key)
  --header "NAME: VALUE"  a header that the gateway wants on every request; repeatable
  --upstream-key KEY      the credential that the gateway sends upstream instead of the client's
  --budget-key KEY        a key with a spending cap, for cases about budgets
  --budget-cap-usd N      that cap, in dollars
  --name NAME             what the gateway is called in reports
  --target-version V      its version

  --only ID,ID            these cases; an id may end in *
  --group NAME,NAME       cases of these groups
  --severity LEVEL        must, should (and must), or may (all)
  --patience MS           how long something may take that has to happen (${SUITE_DEFAULTS.patienceMillis})
  --grace MS              how long is waited for what must not happen (${SUITE_DEFAULTS.graceMillis})

  --json                  JSON on stdout
  --junit                 JUnit XML on stdout
  --out FILE              writes there instead: .json and .xml choose the form
  --list                  prints the cases, and runs nothing
  --known-limitations REPORT.json   a page of what a report (--out) shows to fail
  --reasons FILE.json               with it, why: an object of case ids and sentences
  --others RESULTS.json             with it, what --peers found of Sluice on its other runtimes
  --help

From a clone of its repository, also:
  --peers [NAMES]         the suite against every gateway that can be had here
  --claude-code [VERSIONS]  real clients through a gateway

Ends with 1 when a case of severity must has failed, with 2 when called wrongly.`

/** What to do, as the command line says. */
export type Command =
  | { readonly do: 'help' }
  | { readonly do: 'list'; readonly selection: Selection; readonly form: Form; readonly out?: string }
  | { readonly do: 'limitations'; readonly report: string; readonly reasons?: string; readonly others?: string; readonly out?: string }
  | {
      readonly do: 'run'
      readonly target: Target
      readonly upstreamPort: number
      readonly upstreamHost: string
      readonly selection: Selection
      readonly patienceMillis: number
      readonly graceMillis: number
      readonly form: Form
      readonly out?: string
    }

/** How to print. */
export type Form = 'table' | 'json' | 'junit'

/** Which cases. */
export interface Selection {
  readonly only: readonly string[]
  readonly groups: readonly string[]
  readonly severity: Severity
}

/** The command line made no sense; the message says why. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Reads a command line. @throws UsageError */
export function parseCommand(words: readonly string[]): Command {
  const { values } = readArguments(words)
  if (values.help === true) return { do: 'help' }
  const out = values.out === undefined ? {} : { out: values.out }
  if (values['known-limitations'] !== undefined) {
    return {
      do: 'limitations',
      report: values['known-limitations'],
      ...(values.reasons === undefined ? {} : { reasons: values.reasons }),
      ...(values.others === undefined ? {} : { others: values.others }),
      ...out,
    }
  }
  const selection: Selection = { only: list(values.only), groups: list(values.group), severity: severityOf(values.severity) }
  for (const group of selection.groups) if (!GROUPS.some((each) => each === group)) throw new UsageError(`no group "${group}"; there are: ${GROUPS.join(', ')}`)
  const form: Form =
    values.json === true || values.out?.endsWith('.json') === true ? 'json' : values.junit === true || values.out?.endsWith('.xml') === true ? 'junit' : 'table'
  if (values.list === true) return { do: 'list', selection, form, ...out }
  if (values.target === undefined || !URL.canParse(values.target))
    throw new UsageError(`--target needs a URL${values.target === undefined ? '' : `, not "${values.target}"`}`)
  return {
    do: 'run',
    target: targetOf(values.target, values),
    upstreamPort: wholeNumber('--upstream-port', values['upstream-port'], 8790),
    upstreamHost: values['upstream-host'] ?? '127.0.0.1',
    selection,
    patienceMillis: wholeNumber('--patience', values.patience, SUITE_DEFAULTS.patienceMillis),
    graceMillis: wholeNumber('--grace', values.grace, SUITE_DEFAULTS.graceMillis),
    form,
    ...out,
  }
}

/** The chosen cases. @throws UsageError for an id that there is not */
export function selectCases(cases: readonly ConformanceCase[], { only, groups, severity }: Selection): readonly ConformanceCase[] {
  const isNamed = (name: string, id: string): boolean => (name.endsWith('*') ? id.startsWith(name.slice(0, -1)) : id === name)
  for (const name of only) if (!cases.some(({ id }) => isNamed(name, id))) throw new UsageError(`no case "${name}"; --list prints them all`)
  return cases.filter(
    (each) =>
      (only.length === 0 || only.some((name) => isNamed(name, each.id))) &&
      (groups.length === 0 || groups.includes(each.group)) &&
      SEVERITIES.indexOf(each.severity) <= SEVERITIES.indexOf(severity),
  )
}

const FLAGS = {
  target: { type: 'string' },
  'upstream-port': { type: 'string' },
  'upstream-host': { type: 'string' },
  key: { type: 'string' },
  'auth-header': { type: 'string' },
  header: { type: 'string', multiple: true },
  'upstream-key': { type: 'string' },
  'budget-key': { type: 'string' },
  'budget-cap-usd': { type: 'string' },
  name: { type: 'string' },
  'target-version': { type: 'string' },
  only: { type: 'string', multiple: true },
  group: { type: 'string', multiple: true },
  severity: { type: 'string' },
  patience: { type: 'string' },
  grace: { type: 'string' },
  json: { type: 'boolean' },
  junit: { type: 'boolean' },
  out: { type: 'string' },
  list: { type: 'boolean' },
  'known-limitations': { type: 'string' },
  reasons: { type: 'string' },
  others: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

function readArguments(words: readonly string[]): ReturnType<typeof parseArgs<{ readonly options: typeof FLAGS }>> {
  try {
    return parseArgs({ args: [...words], options: FLAGS, allowPositionals: false })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

type Values = ReturnType<typeof readArguments>['values']

function targetOf(url: string, values: Values): Target {
  const { key, name } = values
  const upstreamKey = values['upstream-key']
  const version = values['target-version']
  const budgetKey = values['budget-key']
  const capUsd = Number(values['budget-cap-usd'] ?? Number.NaN)
  if ((budgetKey === undefined) !== (values['budget-cap-usd'] === undefined)) throw new UsageError('--budget-key and --budget-cap-usd belong together')
  if (budgetKey !== undefined && !(capUsd > 0)) throw new UsageError('--budget-cap-usd needs a number of dollars')
  return {
    url,
    ...(name === undefined ? {} : { name }),
    ...(version === undefined ? {} : { version }),
    ...(key === undefined ? {} : { key }),
    ...(upstreamKey === undefined ? {} : { upstreamKey }),
    ...(values['auth-header'] === undefined ? {} : { authenticationHeader: placeOf(values['auth-header']) }),
    headers: (values.header ?? []).map((each): readonly [string, string] => {
      const at = each.indexOf(':')
      if (at < 1) throw new UsageError(`--header needs "NAME: VALUE", not "${each}"`)
      return [each.slice(0, at).trim(), each.slice(at + 1).trim()]
    }),
    ...(budgetKey === undefined ? {} : { prepareBudget: () => Promise.resolve({ key: budgetKey, capUsd }) }),
  }
}

function placeOf(text: string): AuthenticationHeader {
  if (text === 'x-api-key' || text === 'authorization' || text === 'both') return text
  throw new UsageError(`--auth-header is x-api-key, authorization or both, not "${text}"`)
}

function severityOf(text: string | undefined): Severity {
  const found = SEVERITIES.find((each) => each === (text ?? 'may'))
  if (found === undefined) throw new UsageError(`--severity is must, should or may, not "${text ?? ''}"`)
  return found
}

function list(values: readonly string[] | undefined): readonly string[] {
  return (values ?? []).flatMap((each) => each.split(',').map((name) => name.trim())).filter((name) => name !== '')
}

function wholeNumber(flag: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`${flag} needs a whole number, not "${text}"`)
  return Number(text)
}
