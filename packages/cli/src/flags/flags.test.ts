import { describe, expect, test } from 'vitest'
import { nearest } from './nearest.ts'
import { parseFlags, type FlagSpecs } from './flags.ts'

const specs: FlagSpecs = { port: { value: 'N', about: '' }, key: { value: 'K', about: '', isRepeatable: true }, 'no-auth': { about: '' } }

describe('flags', () => {
  test('values stand after a space or an equals sign, and may hold equals signs', () => {
    const flags = parseFlags(specs, ['--port', '80', '--key=ada=x=y', '--key', 'bob=z', '--no-auth'])
    expect([flags.text('port'), flags.list('key'), flags.has('no-auth')]).toEqual(['80', ['ada=x=y', 'bob=z'], true])
  })

  test('what stands without a flag may stand before, between or after them, and no more of it than the command takes', () => {
    for (const argv of [
      ['ID', '--port', '80', '--no-auth'],
      ['--port', '80', 'ID', '--no-auth'],
      ['--no-auth', '--port=80', '--', 'ID'],
    ])
      expect(parseFlags(specs, argv, ['ID']).positional('ID')).toBe('ID')
    expect(parseFlags(specs, [], ['ID']).positional('ID')).toBeUndefined()
    expect(() => parseFlags(specs, ['ID', 'another'], ['ID'])).toThrow('"another" is not expected here.')
  })

  test.each([
    [['--prot', '1'], 'the flag --prot is not known. Did you mean --port?'],
    [['--no-auht'], 'Did you mean --no-auth?'],
    [['--auth'], 'the flag --auth is not known.'],
    [['--port'], '--port needs a value: --port N'],
    [['--port', '--no-auth'], '--port needs a value: --port N'],
    [['--port='], '--port needs a value: --port N'],
    [['--no-auth=1'], '--no-auth takes no value.'],
    [['extra'], '"extra" is not expected here.'],
    [['--constructor'], 'the flag --constructor is not known.'],
  ])('%j is refused: %s', (argv, message) => expect(() => parseFlags(specs, argv)).toThrow(message))
})

test('the nearest name is found for a slip of the finger, and none for another word', () => {
  expect(nearest('reprot', ['report', 'start'])).toBe('report')
  expect(nearest('sta', ['report', 'start'])).toBe('start')
  expect(nearest('banana', ['report', 'start'])).toBeUndefined()
})
