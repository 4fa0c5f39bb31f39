import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ConfigurationError } from '../errors.ts'
import { checkScopePath, isDeeper, isWithin, lastNameOf, levelBelow, parentOf, scopeLevels } from './scope-path.ts'

test.each(['acme', 'acme/retail/web/cc-1234/ada', 'A.b_c@d+e-f', '0', `${'x'.repeat(64)}/y`, 'a/b/c/d/e/f/g/h'])('takes the path %s', (path) => {
  expect(() => checkScopePath(path)).not.toThrow()
})

test.each([
  '',
  '/',
  'a/',
  '/a',
  'a//b',
  '.',
  '..',
  'a/..',
  '-a',
  '@a',
  'a b',
  'a%2fb',
  'a\\b',
  'é',
  'a\0',
  'a\n',
  'a\ud800',
  'x'.repeat(65),
  'a/b/c/d/e/f/g/h/i',
  '100%',
])('refuses the path %j', (path) => {
  expect(() => checkScopePath(path)).toThrow(ConfigurationError)
})

test('a refusal says what is wrong and repeats no control characters', () => {
  expect(() => checkScopePath('acme/\u001b[31mred')).toThrow('scope: "?[31mred" is no name of a scope.')
  expect(() => checkScopePath('a/b/c/d/e/f/g/h/i')).toThrow('has more than 8 names')
})

test('a level below is the next one, an organisation at the top, and none below a developer', () => {
  expect([undefined, ...scopeLevels].map(levelBelow)).toEqual([...scopeLevels, undefined])
  expect([isDeeper('developer', 'organisation'), isDeeper('developer', 'developer'), isDeeper('organisation', 'cost-centre')]).toEqual([true, false, false])
})

const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._@+-]{0,5}$/)
const path = fc.array(name, { minLength: 1, maxLength: 8 }).map((names) => names.join('/'))

test('a path is within itself and every parent, and within nothing that only begins alike', () => {
  fc.assert(
    fc.property(path, name, (own, more) => {
      checkScopePath(own)
      const above: string[] = []
      for (let at: string | undefined = own; at !== undefined; at = parentOf(at)) above.push(at)
      expect(above).toHaveLength(own.split('/').length)
      for (const ancestor of above) {
        expect(isWithin(own, ancestor)).toBe(true)
        expect(isWithin(`${ancestor}${more}`, ancestor)).toBe(false)
        expect(isWithin(ancestor, `${own}/${more}`)).toBe(false)
      }
      expect(lastNameOf(own)).toBe(own.split('/').at(-1))
    }),
  )
})
