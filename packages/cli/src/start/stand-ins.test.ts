import type { Plan } from '@sluice/core'
import type { Policy } from '@sluice/core/policy'
import { expect, test } from 'vitest'
import { standIns } from './stand-ins.ts'

const order = ['first', 'second', 'third']
const of = (policy: Partial<Policy> | undefined, ...targets: readonly string[]): readonly string[] =>
  standIns(policy && { version: 1, rules: [], ...policy }, { targets: targets.map((upstream) => ({ upstream })) } as unknown as Plan, order)

test('without a policy, and where it says nothing of upstreams, all others stand in, in their order', () => {
  expect(of(undefined, 'first')).toEqual(['second', 'third'])
  expect(of({ rules: ['use claude-haiku-5-5'] }, 'second')).toEqual(['first', 'third'])
})

test('for what a rule has named nobody stands in but the other targets of the rule; a rule that only watches names nothing', () => {
  expect(of({ rules: ['when kind is main use upstream second'] }, 'second')).toEqual([])
  expect(of({ rules: ['when kind is main use x at first else upstream second'] }, 'first')).toEqual([])
  expect(of({ rules: ['keep'] }, 'first', 'third')).toEqual([])
  expect(of({ rules: [{ do: { target: { upstream: 'second' } }, shadow: true }] }, 'second')).toEqual(['first', 'third'])
})

test('where the policy says who stands in, that is all', () => {
  expect(of({ upstreams: { first: { fallbacks: ['third'] } } }, 'first', 'third')).toEqual([])
  expect(of({ upstreams: { first: { fallbacks: [] } } }, 'first')).toEqual([])
})

test('one that is stopped does not stand in', () => {
  expect(of({ stops: [{ upstream: 'second', reason: 'a leak' }] }, 'first')).toEqual(['third'])
  expect(of({ stops: [{ upstream: ['th*'], model: 'claude-opus-*', reason: 'a leak' }] }, 'first')).toEqual(['second'])
  expect(of({ stops: [{ model: 'claude-opus-4-5', reason: 'old' }] }, 'first')).toEqual(['second', 'third'])
})

test('under a policy with residency only those in the same region do; one whose region is not said is in none', () => {
  const residency = [{ scope: 'acme/eu', regions: ['eu'] }]
  expect(of({ residency, upstreams: { first: { region: 'eu' }, second: { region: 'us' }, third: { region: 'eu' } } }, 'first')).toEqual(['third'])
  expect(of({ residency, upstreams: { second: { region: 'us' } } }, 'first')).toEqual([])
})
