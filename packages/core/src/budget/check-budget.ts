import { ConfigurationError } from '../errors.ts'
import { zoneOffset } from '../ledger/zoned-labels.ts'
import type { Budget, BudgetAction, BudgetRaise, BudgetSubject, BudgetWindow } from '../ports/budget-book.ts'

/** What {@link checkBudget} fills in where it is left out. */
export const defaultBudget: {
  readonly thresholds: readonly number[]
  readonly hardPercent: number
  readonly isStrict: boolean
  readonly action: BudgetAction
  readonly sharing: Budget['sharing']
  readonly raises: readonly BudgetRaise[]
  readonly version: number
} = Object.freeze({
  thresholds: Object.freeze([50, 80, 90, 100]),
  hardPercent: 110,
  isStrict: false,
  action: 'block',
  sharing: 'pool',
  raises: Object.freeze([]),
  version: 1,
})

/** A budget as somebody writes it: what it counts, how much, how long; everything else has a default, see {@link defaultBudget}. */
export type BudgetInput = Pick<Budget, 'id' | 'subject' | 'unit' | 'amount' | 'window' | 'createdAt'> &
  Partial<Omit<Budget, 'id' | 'subject' | 'unit' | 'amount' | 'window' | 'createdAt' | 'name'>> & {
    /** @defaultValue the id */
    readonly name?: string
  }

const units: readonly Budget['unit'][] = ['nano-usd', 'tokens', 'requests']
const actions: readonly BudgetAction[] = ['warn', 'queue', 'downgrade', 'block', 'cut']
const sharings: readonly Budget['sharing'][] = ['pool', 'each']
const calendarKinds: readonly string[] = ['day', 'week', 'month', 'quarter', 'year']

/** The longest rolling window: a leap year. */
const maxRollingHours = 8_784
const maxPercent = 1_000
/** A hundred million dollars: with raises and the hard line on top it stays within the 64 bits that databases keep. */
const maxAmount = 10n ** 17n

/**
 * A whole budget: defaults filled in, and nothing in it that could not be kept to. A strict budget stops at 100 %, whatever `hardPercent` says.
 *
 * @throws ConfigurationError that names the field, the value seen and the fix
 */
export function checkBudget(input: BudgetInput): Budget {
  const budget: Budget = { ...defaultBudget, ...definedOf(input), name: input.name ?? input.id }
  const { id, name, unit, amount, thresholds, isStrict, action, sharing, maxSharePercent, carryOverPercent, notice, window } = budget
  check(isText(id, 128) && !/[/\s]/.test(id), 'id', id, 'Use 1 to 128 characters without slashes or spaces, such as "web-monthly".')
  check(isText(name, 200), 'name', name, 'Use 1 to 200 characters that people will recognise in a refusal.')
  checkSubject(budget.subject)
  check(units.includes(unit), 'unit', unit, `Use one of ${units.join(', ')}.`)
  check(typeof amount === 'bigint' && amount >= 0n && amount <= maxAmount, 'amount', amount, `Use a whole number from 0 to 10^17, in ${unit}.`)
  checkWindow(window)
  check(
    Array.isArray(thresholds) && thresholds.length <= 20 && thresholds.every(isPercent) && new Set(thresholds).size === thresholds.length,
    'thresholds',
    thresholds,
    `Use up to 20 different percentages above 0 and up to ${maxPercent}, such as ${defaultBudget.thresholds.join(', ')}.`,
  )
  check(
    isPercent(budget.hardPercent),
    'hardPercent',
    budget.hardPercent,
    `Use a percentage above 0 and up to ${maxPercent}, such as ${defaultBudget.hardPercent}.`,
  )
  check(typeof isStrict === 'boolean', 'isStrict', isStrict, 'Use true or false.')
  check(actions.includes(action), 'action', action, `Use one of ${actions.join(', ')}.`)
  check(!(isStrict && action === 'warn'), 'action', action, 'A strict budget refuses. Use "block", or isStrict: false.')
  check(sharings.includes(sharing), 'sharing', sharing, `Use one of ${sharings.join(', ')}.`)
  if (maxSharePercent !== undefined) {
    check(isPercent(maxSharePercent) && maxSharePercent <= 100, 'maxSharePercent', maxSharePercent, 'Use a percentage above 0 and up to 100, such as 25.')
    check(sharing === 'pool', 'maxSharePercent', maxSharePercent, 'Only a pool has shares. Leave it out, or use sharing: "pool".')
  }
  if (carryOverPercent !== undefined) {
    check(isPercent(carryOverPercent), 'carryOverPercent', carryOverPercent, `Use a percentage above 0 and up to ${maxPercent}, such as 20.`)
    check(
      calendarKinds.includes(window.kind),
      'carryOverPercent',
      carryOverPercent,
      'Only windows of the calendar carry over. Leave it out, or use such a window.',
    )
  }
  for (const [index, raise] of budget.raises.entries()) checkRaise(raise, `raises[${index}]`)
  check(
    new Set(budget.raises.map((raise) => raise.id)).size === budget.raises.length,
    'raises',
    budget.raises.map((raise) => raise.id),
    'Give each its own id.',
  )
  if (notice !== undefined) check(isText(notice, 500), 'notice', notice, 'Use 1 to 500 characters, or leave it out.')
  check(isInstant(budget.createdAt), 'createdAt', budget.createdAt, 'Use milliseconds since the epoch.')
  check(Number.isSafeInteger(budget.version) && budget.version > 0, 'version', budget.version, 'Use 1 for a new budget, and one more for each change.')
  return isStrict ? { ...budget, hardPercent: 100 } : budget
}

function checkSubject(subject: BudgetSubject): void {
  const { scope, key, tag, model } = subject
  const isEmpty = scope === undefined && key === undefined && tag === undefined && model === undefined
  check(!isEmpty, 'subject', subject, 'Name at least one of scope, key, tag and model: a budget of nothing in particular would never match.')
  if (scope !== undefined)
    check(isText(scope, 1_000) && scope.split('/').every((name) => name !== ''), 'subject.scope', scope, 'Use a path of names, such as "acme/retail/web".')
  if (key !== undefined) check(isText(key, 200), 'subject.key', key, 'Use the id of a key.')
  if (tag !== undefined) {
    check(isText(tag.name, 200), 'subject.tag.name', tag.name, 'Use the name of a tag, such as "repository".')
    check(isText(tag.value, 1_000), 'subject.tag.value', tag.value, 'Use the value that the tag must have.')
  }
  if (model !== undefined)
    check(
      isText(model, 200) && !model.slice(0, -1).includes('*') && model !== '*',
      'subject.model',
      model,
      'Use a model id, or the beginning of one followed by "*".',
    )
}

function checkWindow(window: BudgetWindow): void {
  if (window.kind === 'total') return
  if (window.kind === 'rolling') {
    const isWhole = Number.isSafeInteger(window.hours) && window.hours >= 1 && window.hours <= maxRollingHours
    check(isWhole, 'window.hours', window.hours, `Use a whole number from 1 to ${maxRollingHours}.`)
    return
  }
  check(calendarKinds.includes(window.kind), 'window.kind', window.kind, `Use one of ${calendarKinds.join(', ')}, rolling, total.`)
  check(isTimeZone(window.timeZone), 'window.timeZone', window.timeZone, 'Use an IANA name that this runtime knows, such as "Europe/Berlin" or "UTC".')
}

function checkRaise({ id, amount, until, reason }: BudgetRaise, option: string): void {
  check(isText(id, 128), `${option}.id`, id, 'Use 1 to 128 characters.')
  check(typeof amount === 'bigint' && amount > 0n && amount <= maxAmount, `${option}.amount`, amount, 'Use a whole number from 1 to 10^17.')
  check(isInstant(until), `${option}.until`, until, 'Use milliseconds since the epoch.')
  check(typeof reason === 'string' && reason.length <= 500, `${option}.reason`, reason, 'Use up to 500 characters.')
}

/** Without what is given as undefined: that means the default. */
function definedOf<Input extends object>(input: Input): Input {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined)) as Input
}

function check(isRight: boolean, option: string, seen: unknown, fix: string): void {
  if (!isRight) throw new ConfigurationError(`budget.${option}`, `${printed(seen)} will not do. ${fix}`)
}

function printed(value: unknown): string {
  if (typeof value === 'number') return String(value)
  const text = JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? part.toString() : part)) ?? String(value)
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}

function isText(value: unknown, maxLength: number): boolean {
  return typeof value === 'string' && value !== '' && value.length <= maxLength
}

function isPercent(value: unknown): boolean {
  return typeof value === 'number' && value > 0 && value <= maxPercent
}

function isInstant(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isTimeZone(name: unknown): boolean {
  if (typeof name !== 'string' || name === '') return false
  try {
    zoneOffset(name)
    return true
  } catch {
    return false
  }
}
