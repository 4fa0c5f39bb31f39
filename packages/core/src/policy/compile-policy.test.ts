import { fc, test as property } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { ConfigurationError } from '../errors.ts'
import { compilePolicy } from './compile-policy.ts'
import type { Conditions, Policy } from './policy-document.ts'
import { policyJsonSchema } from './policy-schema.ts'
import type { RouteFacts } from './route-facts.ts'
import { parseRuleText } from './rule-text.ts'

const facts: RouteFacts = {
  model: 'claude-opus-5-5',
  kind: 'main',
  inputTokens: 16_000,
  newTokens: 900,
  contextTokens: 144_000,
  hasTools: true,
  hasThinking: true,
  turn: 3,
  sessionAgeMillis: 600_000,
  scopes: ['acme', 'acme/retail', 'acme/retail/web'],
  tags: { team: 'payments' },
  repository: 'payments-api',
  region: 'eu',
  at: Date.UTC(2026, 10, 24, 12, 0),
  budgetUtilization: 0.7,
  mustDowngrade: false,
}

const haiku = { target: { model: 'claude-haiku-4-5' } }
const opus = { target: { model: 'claude-opus-5-5' } }

function doesMatch(when: Conditions, changed: Partial<RouteFacts> = {}, more: Partial<Policy> = {}): boolean {
  const { evaluate } = compilePolicy({ version: 1, ...more, rules: [{ when, do: haiku }] })
  return evaluate({ ...facts, ...changed }).rule !== undefined
}

function problemOf(document: unknown, upstreams?: readonly string[]): string {
  try {
    compilePolicy(document, upstreams)
    return 'none'
  } catch (error) {
    if (!ConfigurationError.is(error)) throw error
    return error.message
  }
}

describe('the short form of a rule', () => {
  it.each([
    ['when input < 10k use claude-haiku-4-5 else claude-opus-5-5', { when: { inputTokens: { below: 10_000 } }, do: haiku, else: opus }],
    ['use claude-opus-5-5', { do: opus }],
    ['keep', { do: { keep: true } }],
    [
      'when kind is title or probe and model is @dear use claude-haiku-5-5 at bedrock',
      { when: { kind: ['title', 'probe'], model: ['@dear'] }, do: { target: { model: 'claude-haiku-5-5', upstream: 'bedrock' } } },
    ],
    [
      'when scope is acme/web and no tools and thinking deny "Ask the platform team."',
      { when: { scope: ['acme/web'], hasTools: false, hasThinking: true }, do: { deny: 'Ask the platform team.' } },
    ],
    [
      'when input >= 1.5k and input < 2m and turn >= 2 and age < 2h and budget >= 80% keep else use upstream eu',
      {
        when: { inputTokens: { atLeast: 1_500, below: 2_000_000 }, turn: { atLeast: 2 }, sessionAgeMinutes: { below: 120 }, budget: { atLeast: 0.8 } },
        do: { keep: true },
        else: { target: { upstream: 'eu' } },
      },
    ],
    [
      'when budget used up downgrade to claude-sonnet-5-5 or claude-haiku-5-5',
      { when: { budget: 'used-up' }, do: { downgrade: [{ model: 'claude-sonnet-5-5' }, { model: 'claude-haiku-5-5' }] } },
    ],
    [
      'when time is mon-fri 09:00-17:00 Europe/Berlin and tag team is payments keep',
      {
        when: { time: { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '09:00', until: '17:00', timeZone: 'Europe/Berlin' }, tags: { team: ['payments'] } },
        do: { keep: true },
      },
    ],
  ])('%s', (text, rule) => expect(parseRuleText(text)).toEqual(rule))

  it.each([
    ['when input < ten use claude-haiku-4-5', '"ten" is no number here; write 10k, 200000, 30m or 80%'],
    ['when input > 10k keep', '">" is no comparison here; use `<` or `>=`'],
    ['when cost < 10k keep', '"cost" is no condition. There are input, new, context,'],
    ['when input < 10k', 'an action is missing at the end'],
    ['when input < 10k and input < 5k keep', 'one bound is given twice'],
    ['keep it', '"it" is too much; the rule ends before it'],
    ['when no model keep', '"no model" is no condition'],
    ['deny "unclosed', 'a quote is not closed'],
    ['when time is someday keep', '"someday" is no span of time'],
    ['when kind title keep', '`is` is missing before "title"'],
  ])('says what is wrong with: %s', (text, problem) => expect(problemOf({ version: 1, rules: [text] })).toContain(`policy.rules[0]: ${problem}`))
})

describe('a document', () => {
  it('is refused with the path of what is wrong', () => {
    const rule = { do: { keep: true } }
    const cases: readonly (readonly [unknown, string])[] = [
      [null, 'policy: must be of type object'],
      [{ rules: [] }, 'policy.version: must be 1'],
      [{ version: 1 }, 'policy.rules: must be of type array'],
      [{ version: 1, rules: [], extra: 1 }, 'policy.extra: is an unknown field'],
      [{ version: 1, rules: [{ ...rule, when: { kinds: 'main' } }] }, 'policy.rules[0].when.kinds: is an unknown field'],
      [{ version: 1, rules: [rule, { do: { target: { modell: 'x' } } }] }, 'policy.rules[1].do.target.modell: is an unknown field'],
      [{ version: 1, rules: [{ do: {} }] }, 'policy.rules[0].do: has 0 actions'],
      [{ version: 1, rules: [{ do: { keep: true, deny: 'no' } }] }, 'policy.rules[0].do: has 2 actions'],
      [{ version: 1, rules: [{ do: { target: {} } }] }, 'policy.rules[0].do.target: names neither a model nor an upstream'],
      [{ version: 1, rules: [{ do: { target: { model: 'claude-*' } } }] }, 'policy.rules[0].do.target.model: "claude-*" is a pattern'],
      [{ version: 1, rules: [{ do: { target: { upstream: 'mars' } } }] }, 'policy.rules[0].do.target.upstream: "mars" is not configured. There are eu, us.'],
      [
        {
          version: 1,
          rules: [],
          stops: [
            { scope: 'a', reason: 'x' },
            { model: '@small', reason: 'x' },
          ],
        },
        'policy.stops[1]: names the class "@small", which',
      ],
      [
        { version: 1, rules: [], upstreams: { eu: { region: 'eu' } }, residency: [{ repository: '@small', regions: ['eu'] }] },
        'policy.residency[0]: names the class "@small", which repositoryClasses does not have',
      ],
      [{ version: 1, rules: [{ ...rule, when: { model: '@small' } }] }, 'policy.rules[0].when: names the class "@small", which classes does not have'],
      [{ version: 1, rules: [{ ...rule, when: { time: { timeZone: 'Mars/Base' } } }] }, 'policy.rules[0].when: names the time zone "Mars/Base"'],
      [
        {
          version: 1,
          rules: [
            { ...rule, name: 'a' },
            { ...rule, name: 'a' },
          ],
        },
        'policy.rules: the name "a" is used twice',
      ],
      [{ version: 1, rules: [{ ...rule, when: { kind: 'mian' } }] }, 'policy.rules[0].when.kind: must be "main" or "sub-agent"'],
      [{ version: 1, rules: [7] }, 'policy.rules[0]: must be of type object'],
      [{ version: 1, rules: [{ ...rule, when: { turn: { atLeast: '2' } } }] }, 'policy.rules[0].when.turn.atLeast: must be of type number'],
    ]
    for (const [document, problem] of cases) expect(problemOf(document, ['eu', 'us'])).toContain(problem)
  })

  it('has a JSON Schema that names every field', () => {
    const text = JSON.stringify(policyJsonSchema())
    for (const field of ['rules', 'inputTokens', 'repositoryClasses', 'downgrade', 'shadow', 'timeZone', 'remainingTurns']) expect(text).toContain(`"${field}"`)
  })
})

describe('conditions', () => {
  it('match models by id, prefix and class', () => {
    const more = { classes: { dear: ['claude-opus-*', 'claude-fable-5-2'] } }
    expect(doesMatch({ model: 'claude-opus-5-5' })).toBe(true)
    expect(doesMatch({ model: 'claude-opus-5' })).toBe(false)
    expect(doesMatch({ model: 'claude-opus-*' })).toBe(true)
    expect(doesMatch({ model: '@dear' }, {}, more)).toBe(true)
    expect(doesMatch({ model: ['@dear'] }, { model: 'claude-fable-5-2' }, more)).toBe(true)
    expect(doesMatch({ model: '@dear' }, { model: 'claude-fable-5' }, more)).toBe(false)
  })

  it('match scopes by segments, not by letters', () => {
    expect(doesMatch({ scope: 'acme/retail' })).toBe(true)
    expect(doesMatch({ scope: 'acme/ret' })).toBe(false)
    expect(doesMatch({ scope: 'acme/retail/web/ada' })).toBe(false)
    expect(doesMatch({ scope: ['other', 'acme'] })).toBe(true)
    expect(doesMatch({ scope: 'acme' }, { scopes: [] })).toBe(false)
  })

  it('do not hold where what they ask about is not known', () => {
    const { repository: _repository, region: _region, budgetUtilization: _utilization, hasTools: _tools, ...rest } = facts
    const { evaluate } = compilePolicy({
      version: 1,
      rules: [{ repository: '*' }, { region: 'eu' }, { budget: { below: 2 } }, { hasTools: false }, { hasTools: true }].map((when) => ({ when, do: haiku })),
    })
    expect(evaluate(rest).rule).toBeUndefined()
  })

  it('match tags, repositories by class, regions, turns, ages and budgets', () => {
    expect(doesMatch({ tags: { team: ['web', 'payments'] } })).toBe(true)
    expect(doesMatch({ tags: { team: 'web' } })).toBe(false)
    expect(doesMatch({ tags: { toString: 'x' } })).toBe(false)
    expect(doesMatch({ repository: '@secret' }, {}, { repositoryClasses: { secret: ['payments-*'] } })).toBe(true)
    expect(doesMatch({ region: ['us', 'eu'], turn: { atLeast: 3, below: 4 }, sessionAgeMinutes: { atLeast: 10 } })).toBe(true)
    expect(doesMatch({ budget: { atLeast: 0.7 } })).toBe(true)
    expect(doesMatch({ budget: 'used-up' })).toBe(false)
    expect(doesMatch({ budget: 'used-up' }, { mustDowngrade: true })).toBe(true)
  })

  it('tell hours and days by the clock of the zone, over midnight, and when clocks change', () => {
    const at = (iso: string): Partial<RouteFacts> => ({ at: Date.parse(iso) })
    const office: Conditions = { time: { days: ['mon'], from: '09:00', until: '17:00', timeZone: 'Europe/Berlin' } }
    expect(doesMatch(office, at('2026-11-23T08:00:00Z'))).toBe(true)
    expect(doesMatch(office, at('2026-11-23T07:59:59Z'))).toBe(false)
    expect(doesMatch(office, at('2026-11-23T16:00:00Z'))).toBe(false)
    // In summer the same hour of UTC is an hour later on the wall.
    expect(doesMatch(office, at('2026-07-20T07:00:00Z'))).toBe(true)
    const night: Conditions = { time: { days: ['sun'], from: '22:00', until: '06:00', timeZone: 'UTC' } }
    expect(doesMatch(night, at('2026-11-23T05:59:00Z'))).toBe(true)
    expect(doesMatch(night, at('2026-11-22T05:59:00Z'))).toBe(false)
    expect(doesMatch(night, at('2026-11-22T22:00:00Z'))).toBe(true)
  })
})

describe('evaluation', () => {
  it('takes the first rule that matches; an else ends it; a shadow rule only watches', () => {
    const { evaluate } = compilePolicy({
      version: 1,
      rules: [
        { name: 'watch', when: { kind: 'main' }, do: { deny: 'no' }, shadow: true },
        { name: 'titles', when: { kind: 'title' }, do: haiku },
        { name: 'small', when: { inputTokens: { below: 10_000 } }, do: haiku, else: opus },
        { name: 'never', do: { keep: true } },
      ],
    })
    expect(evaluate(facts)).toMatchObject({ rule: { name: 'small' }, action: opus, shadow: { rule: { name: 'watch' }, action: { deny: 'no' } } })
    expect(evaluate({ ...facts, kind: 'title' })).toMatchObject({ rule: { name: 'titles' }, shadow: undefined })
    expect(compilePolicy({ version: 1, rules: [] }).evaluate(facts)).toEqual({ rule: undefined, action: undefined, shadow: undefined })
  })
})

const range = fc.record({ atLeast: fc.nat(50_000), below: fc.nat(50_000) }, { requiredKeys: [] })
const conditions: fc.Arbitrary<Conditions> = fc.record(
  {
    model: fc.constantFrom('claude-opus-*', 'claude-haiku-4-5', '@dear'),
    kind: fc.constantFrom('main' as const, 'title' as const),
    inputTokens: range,
    newTokens: range,
    turn: range,
    scope: fc.constantFrom('acme', 'other/web'),
    repository: fc.constantFrom('payments-*', 'x'),
    time: fc.record({
      from: fc.constantFrom('00:00', '09:30', '23:00'),
      until: fc.constantFrom('00:00', '06:00'),
      timeZone: fc.constantFrom('UTC', 'Asia/Kolkata'),
    }),
    budget: fc.constantFrom('used-up' as const, { atLeast: 0.5 }),
  },
  { requiredKeys: [] },
)
const anyFacts: fc.Arbitrary<RouteFacts> = fc
  .record({
    model: fc.constantFrom('claude-opus-5-5', 'claude-haiku-4-5', '', 'x'),
    kind: fc.constantFrom('main' as const, 'title' as const, 'other' as const),
    inputTokens: fc.nat(100_000),
    newTokens: fc.nat(100_000),
    turn: fc.nat(100),
    at: fc.integer({ min: -1e12, max: 4e12 }),
    mustDowngrade: fc.boolean(),
    scopes: fc.constantFrom([], ['acme'], ['acme', 'acme/web']),
  })
  .map((parts) => ({ ...facts, ...parts }))

property.prop([
  fc.array(fc.record({ when: conditions, do: fc.constantFrom(haiku, opus), else: fc.option(fc.constant({ keep: true as const }), { nil: undefined }) }), {
    maxLength: 8,
  }),
  anyFacts,
])('evaluation is total and deterministic, and its rule is the first that would decide alone', (rules, given) => {
  const policy = { version: 1, classes: { dear: ['claude-opus-*'] }, rules }
  const first = compilePolicy(policy).evaluate(given)
  expect(compilePolicy(structuredClone(policy)).evaluate(given).rule?.name).toBe(first.rule?.name)
  const alone = rules.map((rule) => compilePolicy({ ...policy, rules: [rule] }).evaluate(given).action)
  const index = alone.findIndex((action) => action !== undefined)
  expect(first.rule?.name).toBe(index === -1 ? undefined : `rules[${index}]`)
  expect(first.action).toEqual(index === -1 ? undefined : alone[index])
})
