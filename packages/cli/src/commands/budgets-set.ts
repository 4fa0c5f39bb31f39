import type { Command } from '../command.ts'
import { UsageError } from '../errors.ts'
import { parseFlags, type Flags, type FlagSpecs } from '../flags/flags.ts'
import { toNanoUsd } from '../format/money.ts'
import { gatewayClient, gatewayFlags } from '../gateway/gateway-client.ts'
import { toSpanMillis } from '../gateway/instant.ts'
import { percentage, subjectFlags, subjectOf, tellWarnings, wholeNumber } from '../gateway/subject-flags.ts'
import { printable } from '../terminal.ts'

/** Flags that say what a budget is. */
export const budgetFlags: FlagSpecs = {
  ...subjectFlags,
  'amount-usd': { value: 'N', about: 'what 100 % is, in dollars: 5, 0.25' },
  tokens: { value: 'N', about: 'or in tokens, cache reads included' },
  requests: { value: 'N', about: 'or in requests that reach an upstream' },
  window: { value: 'W', about: 'day, week, month, quarter, year, total, or rolling:24h (month)' },
  'time-zone': { value: 'ZONE', about: "when days begin (the gateway's)" },
  'hard-percent': { value: 'P', about: 'percent of the amount that nothing passes (110)' },
  strict: { about: 'reserve the most that an exchange can cost, and stop at 100 %: no overshoot' },
  action: { value: 'A', about: 'at the line: block, warn, queue, downgrade or cut (block)' },
  each: { about: 'a pot of this size for each developer, instead of one for all' },
  'max-share': { value: 'P', about: 'the most that one developer may take of the pot, in percent' },
  'carry-over': { value: 'P', about: 'what is left over is added to the next window, up to this percent' },
  thresholds: { value: 'LIST', about: 'percent at which people are told (50,80,90,100)' },
  notice: { value: 'TEXT', about: 'said in a refusal: whom to ask' },
  name: { value: 'NAME', about: 'named in refusals' },
  id: { value: 'ID', about: 'its id (made of what it counts, so that setting it again changes it)' },
}

const flags: FlagSpecs = {
  ...gatewayFlags,
  ...budgetFlags,
  reason: { value: 'TEXT', about: 'why; kept in the audit log' },
  json: { about: 'the budget, for programs' },
}

/** `sluice budgets set`. */
export const budgetsSet: Command = {
  usage: 'budgets set --scope PATH --amount-usd N --window W [flags]',
  about: 'Sets a budget. The same subject, unit and window again changes it; what is not given takes its default.',
  flags,
  run: async (argv, terminal) => {
    const given = parseFlags(flags, argv)
    const reason = given.text('reason')
    const answer = await gatewayClient(given, terminal).admin('budgets', {
      method: 'POST',
      body: { ...budgetOf(given), ...(reason !== undefined && { reason }) },
    })
    const { budget, isNew, matches } = answer as unknown as {
      budget: { id: string; name: string; amount: string; amountUsd: string | null; unit: string; version: number }
      isNew: boolean
      matches: { keys: number | null }
    }
    tellWarnings(answer, terminal.warn)
    if (given.has('json')) terminal.write(JSON.stringify({ ...budget, isNew, matches, warnings: answer['warnings'] }, null, 2))
    else
      terminal.write(
        `${isNew ? 'Set' : 'Changed'} ${printable(budget.id)}, "${printable(budget.name)}": ${budget.amountUsd === null ? `${budget.amount} ${budget.unit}` : `$${budget.amountUsd.replace(/0{1,7}$/, '')}`}${matches.keys === null ? '' : `, for ${matches.keys} ${matches.keys === 1 ? 'key' : 'keys'} at present`}.`,
      )
    return 0
  },
}

/** A budget as the admin API takes it. @throws UsageError */
export function budgetOf(given: Flags): object {
  const text = (flag: string, field = flag): Readonly<Record<string, string>> => {
    const value = given.text(flag)
    return value === undefined ? {} : { [field]: value }
  }
  const percent = (flag: string, field: string): Readonly<Record<string, number>> => {
    const value = given.text(flag)
    return value === undefined ? {} : { [field]: percentage(flag, value) }
  }
  const thresholds = given.text('thresholds')
  return {
    subject: subjectOf(given),
    ...amountOf(given),
    window: windowOf(given),
    ...percent('hard-percent', 'hardPercent'),
    ...percent('max-share', 'maxSharePercent'),
    ...percent('carry-over', 'carryOverPercent'),
    ...(thresholds !== undefined && { thresholds: thresholds.split(',').map((one) => percentage('thresholds', one.trim())) }),
    ...(given.has('strict') && { isStrict: true }),
    ...(given.has('each') && { sharing: 'each' }),
    ...text('action'),
    ...text('notice'),
    ...text('name'),
    ...text('id'),
  }
}

/** Unit and amount. @throws UsageError unless exactly one is given */
export function amountOf(given: Flags): { readonly unit: string; readonly amount: string } {
  const units = ['amount-usd', 'tokens', 'requests'].filter((flag) => given.has(flag))
  const [flag] = units
  if (flag === undefined) throw new UsageError('say how much: --amount-usd, --tokens or --requests.')
  if (units.length > 1) throw new UsageError(`--${units.join(' and --')}: a budget counts one thing. Set one budget for each.`)
  const text = given.text(flag) ?? ''
  if (flag !== 'amount-usd') return { unit: flag, amount: wholeNumber(flag, text) }
  const nanoUsd = toNanoUsd(text)
  if (nanoUsd === undefined || nanoUsd === 0n)
    throw new UsageError(`--amount-usd: saw "${text}". Give dollars above 0 with at most nine decimals, such as 5 or 0.25.`)
  return { unit: 'nano-usd', amount: nanoUsd.toString() }
}

function windowOf(given: Flags): object {
  const text = given.text('window') ?? 'month'
  const timeZone = given.text('time-zone')
  if (['day', 'week', 'month', 'quarter', 'year'].includes(text)) return { kind: text, ...(timeZone !== undefined && { timeZone }) }
  if (timeZone !== undefined) throw new UsageError(`--time-zone: a window of ${text} does not begin with a day. Leave it out.`)
  if (text === 'total') return { kind: 'total' }
  const millis = toSpanMillis(/^rolling:(\w+)$/.exec(text)?.[1] ?? '')
  if (millis === undefined || millis % 3_600_000 !== 0 || millis === 0)
    throw new UsageError(`--window: saw "${text}". Give day, week, month, quarter, year, total, or whole hours such as rolling:24h or rolling:7d.`)
  return { kind: 'rolling', hours: millis / 3_600_000 }
}
