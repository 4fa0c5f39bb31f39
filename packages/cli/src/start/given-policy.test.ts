import { recommendedPolicy } from '@sluice/core/policy'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { parseFlags, type FlagSpecs } from '../flags/flags.ts'
import { givenPolicy, type GivenPolicy } from './given-policy.ts'

const directory = mkdtempSync(join(tmpdir(), 'given-policy-'))
afterAll(() => rmSync(directory, { recursive: true }))
const rule = 'when input < 10k use claude-haiku-4-5 else claude-opus-5-5'
writeFileSync(join(directory, 'routing.json'), JSON.stringify({ version: 1, rules: [rule] }))
writeFileSync(join(directory, 'broken.json'), '{"version": 1,')
writeFileSync(join(directory, 'elsewhere.json'), JSON.stringify({ version: 1, rules: ['use upstream eu'] }))

const flags: FlagSpecs = { policy: { value: 'FILE', about: '' }, rule: { value: 'TEXT', about: '', isRepeatable: true } }
const policy = (argv: readonly string[], environment: Record<string, string> = {}, config?: object): GivenPolicy | undefined =>
  givenPolicy(
    { flags: parseFlags(flags, argv), environment, ...(config !== undefined && { file: { name: 'sluice.config.ts', config: { ...config } } }) },
    ['anthropic', 'second'],
    directory,
  )

test('a policy is a file, the recommended one, rules, or stands in the configuration file; nothing given is none', () => {
  const document = { version: 1, rules: [rule] }
  expect(policy([])).toBeUndefined()
  expect(policy(['--policy', 'routing.json'])).toEqual({ origin: '--policy routing.json', path: join(directory, 'routing.json'), policy: document })
  expect(policy(['--policy', 'recommended'])).toEqual({ origin: '--policy recommended', policy: recommendedPolicy })
  expect(policy(['--rule', rule, '--rule', 'keep'])).toEqual({ origin: '--rule', policy: { version: 1, rules: [rule, 'keep'] } })
  expect(policy([], {}, { policy: rule })?.policy).toEqual(document)
  expect(policy([], {}, { policy: document })).toEqual({ origin: 'policy in sluice.config.ts', policy: document })
  expect(policy([], {}, { rule })?.policy).toEqual(document)
})

test('the strongest place gives the policy: a rule as a flag takes the place of a policy in the file', () => {
  expect(policy(['--rule', 'keep'], { SLUICE_POLICY: 'nowhere.json' })?.policy.rules).toEqual(['keep'])
  expect(policy(['--policy', 'routing.json'], { SLUICE_RULE: 'keep' })?.policy.rules).toEqual([rule])
  expect(policy([], { SLUICE_RULE: 'keep' }, { policy: 'recommended' })?.origin).toBe('SLUICE_RULE')
  expect(() => policy(['--rule', 'keep', '--policy', 'routing.json'])).toThrow('--policy and --rule give two policies')
})

test.each([
  [['--policy', 'nowhere.json'], '--policy: cannot read'],
  [['--policy', '.'], 'it is a directory'],
  [['--policy', 'broken.json'], 'is not JSON'],
  [['--policy', 'elsewhere.json'], 'policy.rules[0].do.target.upstream: "eu" is not configured. There are anthropic, second.'],
  [['--rule', 'when inptu < 10k use x'], '--rule: policy.rules[0]: "inptu" is no condition.'],
  [['--rule', 'use claude-haiku-4-5 else'], '--rule: policy.rules[0]'],
])('%j refuses to start: %s', (argv, message) => expect(() => policy(argv)).toThrow(message))
