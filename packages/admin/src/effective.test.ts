import { fc, test as property } from '@fast-check/vitest'
import { isCovered, type Budget } from '@sluice/core'
import { describe, expect, test } from 'vitest'
import { effectOf, strongest, type Spender } from './effective.ts'

const ada: Spender = { key: 'k1', scope: 'acme/web/ada', developer: 'ada', keyTags: { team: 'pay' }, tags: {}, budgets: [] }
const of = (subject: Budget['subject'], spender: Spender = ada): string => {
  const { applies, because } = effectOf({ id: 'b', subject }, spender)
  return [applies, ...because].join(': ')
}

describe('whether a budget counts, and why', () => {
  test.each([
    [{ scope: 'acme' }, 'yes: the scope acme is above acme/web/ada'],
    [{ scope: 'acme/web/ada' }, 'yes: it is set on the scope acme/web/ada'],
    [{ scope: 'acme/web/ad' }, 'no'],
    [{ key: 'k1' }, 'yes: it is set on the key k1'],
    [{ key: 'k2' }, 'no'],
    [{ tag: { name: 'team', value: 'pay' } }, 'yes: team is pay'],
    [{ tag: { name: 'repository', value: 'acme/x' } }, 'depends: only where repository is acme/x'],
    [{ model: 'claude-opus-*' }, 'depends: only for the model claude-opus-*'],
    [{ scope: 'acme', model: 'claude-opus-*' }, 'depends: the scope acme is above acme/web/ada: only for the model claude-opus-*'],
    [{ scope: 'beta', model: 'claude-opus-*' }, 'no'],
  ])('%j: %s', (subject, expected) => expect(of(subject)).toBe(expected))

  test('a key that names a budget counts against it, whatever the budget is set on', () => {
    expect(of({ scope: 'beta' }, { ...ada, budgets: ['b'] })).toBe('yes: the key k1 names it')
  })

  test('a tag of the key wins over what a client declares, its repository too', () => {
    expect(of({ tag: { name: 'team', value: 'web' } }, { ...ada, tags: { team: 'web' } })).toBe('no')
    expect(of({ tag: { name: 'repository', value: 'a' } }, { ...ada, keyTags: { repository: 'a' }, tags: { repository: 'b' } })).toBe('yes: repository is a')
    expect(of({ tag: { name: 'constructor', value: 'a' } })).toBe('depends: only where constructor is a')
  })

  test('of several keys the strongest effect is told', () => {
    expect(
      strongest([
        { applies: 'no', because: [] },
        { applies: 'depends', because: ['x'] },
        { applies: 'yes', because: ['y'] },
      ]),
    ).toEqual({ applies: 'yes', because: ['y'] })
  })

  const name = fc.constantFrom('a', 'b', 'ab')
  const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'))
  const subject = fc.record(
    { scope: path, key: name, tag: fc.record({ name: fc.constantFrom('team', 'repository', 'session'), value: name }), model: fc.constantFrom('m-1', 'm-*') },
    { requiredKeys: [] },
  )
  property.prop([subject, path, name, name, name, name, fc.constantFrom('m-1', 'm-2', 'n')])(
    'agrees with what the gateway itself counts, wherever everything is known',
    (given, scope, key, team, repository, session, model) => {
      fc.pre(Object.keys(given).length > 0)
      const { applies } = effectOf({ id: 'b', subject: given }, { key, scope, keyTags: { team }, tags: { repository, session }, model, budgets: [] })
      const budget = { id: 'b', subject: given } as Budget
      expect(applies).toBe(isCovered(budget, { scopes: [scope], keyId: key, repository, session, model, tags: { team } }) ? 'yes' : 'no')
    },
  )
})
