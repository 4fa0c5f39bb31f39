import { expect, test } from 'vitest'
import { ConfigurationError } from '../errors.ts'
import { parseBudgetJson, toBudgetJson } from './budget-json.ts'
import { checkBudget, defaultBudget, type BudgetInput } from './check-budget.ts'

const least: BudgetInput = {
  id: 'web',
  subject: { scope: 'acme/web' },
  unit: 'nano-usd',
  amount: 5n,
  window: { kind: 'month', timeZone: 'Europe/Berlin' },
  createdAt: 7,
}

test('what is left out is the documented default, and the name is the id', () => {
  expect(checkBudget(least)).toEqual({
    ...least,
    name: 'web',
    thresholds: [50, 80, 90, 100],
    hardPercent: 110,
    isStrict: false,
    action: 'block',
    sharing: 'pool',
    raises: [],
    version: 1,
  })
  const { thresholds, hardPercent, isStrict, action, sharing, raises, version } = checkBudget({ ...least, hardPercent: undefined } as unknown as BudgetInput)
  expect({ thresholds, hardPercent, isStrict, action, sharing, raises, version }).toEqual(defaultBudget)
})

test('a strict budget stops at 100 %, whatever it says', () => {
  expect(checkBudget({ ...least, isStrict: true, hardPercent: 150 }).hardPercent).toBe(100)
})

const wrong: readonly (readonly [Record<string, unknown>, string])[] = [
  [{ id: '' }, 'budget.id: "" will not do. Use 1 to 128 characters without slashes or spaces'],
  [{ id: 'a/b' }, 'budget.id: "a/b"'],
  [{ name: 'x'.repeat(201) }, 'budget.name: '],
  [{ subject: {} }, 'budget.subject: {} will not do. Name at least one of scope, key, tag and model'],
  [{ subject: { scope: 'acme//web' } }, 'budget.subject.scope: "acme//web"'],
  [{ subject: { scope: '/acme' } }, 'budget.subject.scope: "/acme"'],
  [{ subject: { key: '' } }, 'budget.subject.key: ""'],
  [{ subject: { tag: { name: 'team', value: '' } } }, 'budget.subject.tag.value: ""'],
  [{ subject: { model: '*' } }, 'budget.subject.model: "*"'],
  [{ subject: { model: 'claude-*-5' } }, 'budget.subject.model: "claude-*-5"'],
  [{ unit: 'usd' }, 'budget.unit: "usd" will not do. Use one of nano-usd, tokens, requests.'],
  [{ amount: -1n }, 'budget.amount: "-1" will not do. Use a whole number from 0 to 10^17, in nano-usd.'],
  [{ amount: 5 }, 'budget.amount: 5 '],
  [{ amount: 10n ** 17n + 1n }, 'budget.amount: "100000000000000001"'],
  [{ window: { kind: 'fortnight', timeZone: 'UTC' } }, 'budget.window.kind: "fortnight"'],
  [{ window: { kind: 'day', timeZone: 'Mars/Olympus' } }, 'budget.window.timeZone: "Mars/Olympus"'],
  [{ window: { kind: 'day' } }, 'budget.window.timeZone: undefined'],
  [{ window: { kind: 'rolling', hours: 0 } }, 'budget.window.hours: 0 '],
  [{ window: { kind: 'rolling', hours: 1.5 } }, 'budget.window.hours: 1.5 '],
  [{ thresholds: [50, 50] }, 'budget.thresholds: [50,50]'],
  [{ thresholds: [0] }, 'budget.thresholds: [0]'],
  [{ hardPercent: Number.NaN }, 'budget.hardPercent: NaN '],
  [{ hardPercent: 0 }, 'budget.hardPercent: 0 '],
  [{ action: 'explode' }, 'budget.action: "explode"'],
  [{ action: 'warn', isStrict: true }, 'budget.action: "warn" will not do. A strict budget refuses.'],
  [{ sharing: 'both' }, 'budget.sharing: "both"'],
  [{ maxSharePercent: 101 }, 'budget.maxSharePercent: 101 '],
  [{ maxSharePercent: 20, sharing: 'each' }, 'budget.maxSharePercent: 20 will not do. Only a pool has shares.'],
  [{ carryOverPercent: 20, window: { kind: 'total' } }, 'budget.carryOverPercent: 20 will not do. Only windows of the calendar carry over.'],
  [{ raises: [{ id: 'r', amount: 0n, until: 1, reason: '' }] }, 'budget.raises[0].amount: "0"'],
  [{ raises: [{ id: 'r', amount: 1n, until: 1.5, reason: '' }] }, 'budget.raises[0].until: 1.5 '],
  [{ raises: [1, 2].map(() => ({ id: 'r', amount: 1n, until: 1, reason: '' })) }, 'budget.raises: ["r","r"] will not do. Give each its own id.'],
  [{ notice: 'x'.repeat(501) }, 'budget.notice: '],
  [{ createdAt: -1 }, 'budget.createdAt: -1 '],
  [{ version: 0 }, 'budget.version: 0 '],
]

test.each(wrong)('a budget with %o is refused with the field, the value and the fix', (parts, message) => {
  const build = (): unknown => checkBudget({ ...least, ...parts })
  expect(build).toThrow(ConfigurationError)
  expect(build).toThrow(message)
})

test('a budget survives JSON, with amounts beyond 2^53 exact', () => {
  const budget = checkBudget({
    ...least,
    amount: 2n ** 53n + 1n,
    raises: [{ id: 'r', amount: 2n ** 54n + 1n, until: 9, reason: 'more "amount": 5' }],
    notice: '"amount"',
  })
  expect(parseBudgetJson(toBudgetJson(budget))).toEqual(budget)
})
