import type { PricesInput, WhatIfJson } from '@sluice/admin'
import type { Command } from '../command.ts'
import { UsageError } from '../errors.ts'
import { parseFlags, type Flags, type FlagSpecs } from '../flags/flags.ts'
import { toNanoUsd } from '../format/money.ts'
import { dimensionOf, filterOf } from '../gateway/dimensions.ts'
import { gatewayClient, gatewayFlags } from '../gateway/gateway-client.ts'
import { toInstant } from '../gateway/instant.ts'
import { whatIfText } from '../gateway/what-if-text.ts'
import { readJsonFile, sourceOf, validPolicyOf } from '../policy/policy-source.ts'
import { isTimeZone } from '../start/setting-specs.ts'
import { budgetFlags, budgetOf } from './budgets-set.ts'

const capFlags = Object.fromEntries(Object.entries(budgetFlags).filter(([name]) => name !== 'time-zone' && name !== 'notice' && name !== 'id'))

const flags: FlagSpecs = {
  ...gatewayFlags,
  policy: { value: 'FILE', about: 'another policy, in JSON; or the word recommended' },
  rule: { value: 'TEXT', about: 'or a rule in short form; repeatable', isRepeatable: true },
  budget: { value: 'FILE', about: 'other budgets: one or several, in JSON, as the admin API takes them; amountUsd in place of amount' },
  ...capFlags,
  prices: { value: 'FILE', about: 'other prices, in JSON: { "contractMultiplier": "0.85", "models": [{ "models": [...], "usdPerMillion": {...} }] }' },
  since: { value: 'TIME', about: 'exchanges started then or later: 24h, 7d, 2026-11-24 (30d)' },
  until: { value: 'TIME', about: 'exchanges started before then' },
  where: { value: 'DIMENSION=VALUE', about: 'only these exchanges, such as developer=ada; repeatable', isRepeatable: true },
  'group-by': { value: 'DIMENSION', about: 'beside model and scope: day, hour, developer, session, repository …' },
  'time-zone': { value: 'ZONE', about: "of dates, hours and days, and of the days of budgets (this machine's)" },
  'no-thinking': { about: 'take it that histories hold no thinking, so that sessions may change their model' },
  json: { about: 'for programs; costs are text, in nano-USD' },
}

/** `sluice whatif`: what would have been. */
export const whatIf: Command = {
  usage: 'whatif --policy FILE | --budget FILE | --prices FILE [flags]',
  about:
    'Replays the ledger of a running gateway through another policy, other budgets or other prices: what it would have cost, and whom a budget would have stopped.\nFrom metadata alone; nothing is changed, and nothing is sent.',
  flags,
  notes:
    'A cap of its own may stand in flags, as with sluice budgets set: told at 80 %, stopped at 110 %:\n  sluice whatif --scope acme --amount-usd 500 --window month --thresholds 80 --hard-percent 110 --since 30d',
  run: async (argv, terminal) => {
    const given = parseFlags(flags, argv)
    const timeZone = given.text('time-zone') ?? Intl.DateTimeFormat().resolvedOptions().timeZone
    if (!isTimeZone(timeZone)) throw new UsageError(`--time-zone: saw "${timeZone}". Give an IANA name, such as Europe/Berlin or UTC.`)
    const source = sourceOf(given.text('policy'), given, terminal.directory, '--policy')
    const budgets = budgetsOf(given, terminal.directory)
    const prices = given.text('prices')
    if (source === undefined && budgets === undefined && prices === undefined)
      throw new UsageError('say what is to be different: --policy, --rule, --budget, --prices, or a cap such as --scope acme --amount-usd 500.')
    const groupBy = given.text('group-by')
    const dimension = groupBy === undefined ? undefined : dimensionOf('--group-by', groupBy)
    const until = given.text('until')
    const now = terminal.now()
    const body = {
      since: String(toInstant('--since', given.text('since') ?? '30d', now, timeZone)),
      ...(until !== undefined && { until: String(toInstant('--until', until, now, timeZone)) }),
      ...(given.has('where') && { where: given.list('where').map((filter) => filterOf('--where', filter)) }),
      ...(source !== undefined && { policy: validPolicyOf(source) }),
      ...(budgets !== undefined && { budgets: budgets.map((budget) => zoned(budget, timeZone)) }),
      ...(prices !== undefined && { prices: readJsonFile(prices, terminal.directory, 'prices in JSON') as PricesInput }),
      ...(dimension !== undefined && { groupBy: dimension, timeZone }),
      ...(given.has('no-thinking') && { hasSignedThinking: false }),
    }
    const answer = (await gatewayClient(given, terminal).admin('what-if', { method: 'POST', body })) as unknown as WhatIfJson
    terminal.write(given.has('json') ? JSON.stringify(answer, null, 2) : whatIfText(answer, dimension, timeZone))
    return 0
  },
}

interface BudgetObject {
  readonly amountUsd?: unknown
  readonly window?: unknown
}

/** Budgets of a file, or the one that stands in flags. @throws UsageError */
function budgetsOf(given: Flags, directory: string): readonly object[] | undefined {
  const file = given.text('budget')
  const isInFlags = Object.keys(capFlags).some((name) => given.has(name))
  if (file === undefined) return isInFlags ? [budgetOf(given)] : undefined
  if (isInFlags) throw new UsageError('--budget and a cap in flags: give one of them; a file has place for many budgets.')
  const found = readJsonFile(file, directory, 'budgets in JSON')
  return (Array.isArray(found) ? (found as readonly unknown[]) : [found]).map((budget, at) => {
    if (typeof budget !== 'object' || budget === null)
      throw new UsageError(`--budget: ${file}: budget ${at + 1} is no object. Give { "subject": { "scope": … }, "amountUsd": …, "window": … }.`)
    return inNanoUsd(budget, `--budget: ${file}`)
  })
}

/** A budget whose amount may be written in dollars. */
function inNanoUsd(budget: object, where: string): object {
  const { amountUsd, ...rest } = budget as BudgetObject
  if (amountUsd === undefined) return budget
  const amount = typeof amountUsd === 'string' || typeof amountUsd === 'number' ? toNanoUsd(String(amountUsd)) : undefined
  if (amount === undefined) throw new UsageError(`${where}: amountUsd is ${JSON.stringify(amountUsd)}. Give dollars, such as 500 or 0.25.`)
  return { ...rest, amount: amount.toString() }
}

/** `"window": "month"` for short; the days of a window are those of the command's time zone unless it says otherwise. */
function zoned(budget: object, timeZone: string): object {
  const { window } = budget as BudgetObject
  const long = typeof window === 'string' ? { kind: window } : window
  if (typeof long !== 'object' || long === null) return budget
  const { kind } = long as { readonly kind?: unknown }
  return { ...budget, window: kind === 'rolling' || kind === 'total' ? long : { timeZone, ...long } }
}
