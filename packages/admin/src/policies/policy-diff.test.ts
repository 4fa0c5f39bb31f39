import { fc, test as property } from '@fast-check/vitest'
import { canonicalJson } from '@sluice/core'
import type { Policy } from '@sluice/core/policy'
import { expect, test } from 'vitest'
import { policyDiff } from './policy-diff.ts'

const titles = { name: 'titles', when: { kind: 'title' }, do: { target: { model: 'claude-haiku-5-5' } } } as const
const keep = { name: 'main', do: { keep: true } } as const
const of = (...rules: Policy['rules']): Policy => ({ version: 1, rules })

test('a rule put in front is the only difference', () => {
  expect(policyDiff(of(titles, keep), of('when tools keep', titles, keep))).toEqual([{ path: 'rules[0]', kind: 'added', after: 'when tools keep' }])
})

test('a rule of the same name has changed, one in another place has moved, one that is gone is removed', () => {
  const changed = { ...titles, adapt: true }
  expect(policyDiff(of(titles, keep), of(changed, keep))).toEqual([{ path: 'rules "titles"', kind: 'changed', before: titles, after: changed }])
  expect(policyDiff(of(titles, keep), of(keep, titles))).toMatchObject([{ kind: 'moved' }])
  expect(policyDiff(of(titles, 'keep'), of('keep'))).toEqual([{ path: 'rules "titles"', kind: 'removed', before: titles }])
})

test('other fields are told by their place, as deep as they differ', () => {
  const before: Policy = { ...of(), name: 'one', defaults: { adapt: false, switch: 'always' }, classes: { dear: ['a'] } }
  const after: Policy = { ...of(), defaults: { adapt: true, switch: 'always' }, classes: { dear: ['a'], cheap: ['b'] } }
  expect(policyDiff(before, after)).toEqual([
    { path: 'classes.cheap', kind: 'added', after: ['b'] },
    { path: 'defaults.adapt', kind: 'changed', before: false, after: true },
    { path: 'name', kind: 'removed', before: 'one' },
  ])
})

const rules = fc.array(fc.constantFrom<Policy['rules'][number]>('keep', 'when tools keep', 'when thinking keep', titles, keep), { maxLength: 8 })

property.prop([rules, rules])('there is no difference exactly where the policies are equal', (left, right) => {
  expect(policyDiff(of(...left), of(...right)).length === 0).toBe(canonicalJson(left) === canonicalJson(right))
})
