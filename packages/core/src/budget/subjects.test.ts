import { fc, test as property } from '@fast-check/vitest'
import { expect, test } from 'vitest'
import type { Budget, BudgetSubject } from '../ports/budget-book.ts'
import { checkBudget } from './check-budget.ts'
import { budgetIndex, isCovered, type SpendFacts } from './subjects.ts'

const budgetOf = (subject: BudgetSubject, id = 'b'): Budget =>
  checkBudget({ id, subject, unit: 'nano-usd', amount: 1n, window: { kind: 'total' }, createdAt: 0 })

const facts: SpendFacts = {
  scopes: ['acme', 'acme/retail', 'acme/retail/web'],
  keyId: 'k1',
  developer: 'ada',
  repository: 'acme/shop',
  session: 's1',
  model: 'claude-opus-5-5',
  tags: { team: 'web', repository: 'declared by the key', 'cost-centre': '42' },
}

const covers = (subject: BudgetSubject, of: SpendFacts = facts): boolean => isCovered(budgetOf(subject), of)

test('a scope counts itself and everything below it, by whole names of the path', () => {
  expect(['acme', 'acme/retail', 'acme/retail/web'].map((scope) => covers({ scope }))).toEqual([true, true, true])
  expect(['acm', 'acme/ret', 'acme/retail/w', 'acme/retail/web/x', 'retail', 'ACME'].map((scope) => covers({ scope }))).toEqual(Array(6).fill(false))
  expect(covers({ scope: 'acme/retail' }, { scopes: ['acme/retail/web'], tags: {} })).toBe(true)
  expect(covers({ scope: 'acme/retail' }, { scopes: ['acme/retail-eu/web'], tags: {} })).toBe(false)
})

test('G6: keys, tags and models match exactly what they name, and nothing where the exchange has none', () => {
  expect([covers({ key: 'k1' }), covers({ key: 'k' }), covers({ key: 'k1' }, { scopes: [], tags: {} })]).toEqual([true, false, false])
  expect([
    covers({ tag: { name: 'team', value: 'web' } }),
    covers({ tag: { name: 'team', value: 'we' } }),
    covers({ tag: { name: 'Team', value: 'web' } }),
  ]).toEqual([true, false, false])
  expect([
    covers({ model: 'claude-opus-5-5' }),
    covers({ model: 'claude-opus-5' }),
    covers({ model: 'claude-opus-*' }),
    covers({ model: 'claude-haiku-*' }),
  ]).toEqual([true, false, true, false])
})

test('repository and session are what the exchange was attributed to, whatever tags say', () => {
  expect([covers({ tag: { name: 'repository', value: 'acme/shop' } }), covers({ tag: { name: 'repository', value: 'declared by the key' } })]).toEqual([
    true,
    false,
  ])
  expect(covers({ tag: { name: 'session', value: 's1' } })).toBe(true)
})

test('a tag that is called like a part of every object matches only where it was given', () => {
  const tag = { name: 'constructor', value: String(Object) }
  expect([covers({ tag }), covers({ tag }, { scopes: [], tags: { constructor: String(Object) } })]).toEqual([false, true])
  expect(covers({ tag: { name: '__proto__', value: '[object Object]' } })).toBe(false)
})

test('all parts of a subject must hold', () => {
  expect(covers({ scope: 'acme', key: 'k1', tag: { name: 'team', value: 'web' }, model: 'claude-*' })).toBe(true)
  expect(covers({ scope: 'acme', key: 'k2' })).toBe(false)
  expect(covers({ scope: 'other', key: 'k1' })).toBe(false)
  expect(covers({ scope: 'acme', model: 'gpt-*' })).toBe(false)
})

test('a key counts against the budgets that it is bound to, whatever their subject', () => {
  const budgets = [budgetOf({ scope: 'elsewhere' }, 'bound'), budgetOf({ scope: 'elsewhere' }, 'free')]
  expect(
    budgetIndex(budgets)
      .covering({ ...facts, budgets: ['bound', 'gone'] })
      .map(({ id }) => id),
  ).toEqual(['bound'])
})

const names = fc.constantFrom('a', 'b', 'ab', 'a b', '__proto__', 'repository', 'session', 'tag a')
const paths = fc.array(fc.constantFrom('a', 'b', 'ab'), { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'))
const models = fc.constantFrom('m', 'mo', 'model-1', 'model-2')
const subjects: fc.Arbitrary<BudgetSubject> = fc
  .record(
    {
      scope: paths,
      key: names,
      tag: fc.record({ name: names, value: names }),
      model: fc.oneof(
        models,
        models.map((model) => `${model}*`),
      ),
    },
    { requiredKeys: [] },
  )
  .filter((subject) => Object.keys(subject).length > 0)
const someFacts: fc.Arbitrary<SpendFacts> = fc.record(
  {
    scopes: fc.oneof(
      paths.map((path) => path.split('/').map((_, index, parts) => parts.slice(0, index + 1).join('/'))),
      paths.map((path) => [path]),
    ),
    tags: fc.array(fc.tuple(names, names)).map((entries) => Object.fromEntries(entries)),
    keyId: names,
    repository: names,
    session: names,
    model: models,
    budgets: fc.array(fc.nat({ max: 40 }).map(String), { maxLength: 3 }),
  },
  { requiredKeys: ['scopes', 'tags'] },
)

property.prop([fc.array(subjects, { maxLength: 40 }), someFacts], { numRuns: 2_000 })(
  'the index finds exactly the budgets that a search through all of them finds, in their order',
  (all, of) => {
    const budgets = all.map((subject, index) => budgetOf(subject, String(index)))
    expect(budgetIndex(budgets).covering(of)).toEqual(budgets.filter((budget) => isCovered(budget, of)))
  },
)

test('of ten thousand budgets only those are looked at that are filed under what the exchange has', () => {
  let looks = 0
  const budgets = Array.from({ length: 10_000 }, (_, index) => {
    const subject = [{ scope: `acme/team-${index}` }, { key: `k${index}` }, { tag: { name: 'team', value: `t${index}` } }, { model: `model-${index}` }][
      index % 4
    ] as BudgetSubject
    const budget = budgetOf(subject, `b${index}`)
    return { ...budget, get subject() {
      looks += 1
      return budget.subject
    } } // prettier-ignore
  })
  const index = budgetIndex(budgets)
  looks = 0
  const found = index.covering({ scopes: ['acme', 'acme/team-8'], keyId: 'k9', tags: { team: 't10' }, model: 'model-11' })
  expect(found.map(({ id }) => id)).toEqual(['b8', 'b9', 'b10', 'b11'])
  expect(looks).toBe(4)
})
