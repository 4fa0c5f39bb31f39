import { fc, test as property } from '@fast-check/vitest'
import { compilePolicy, recommendedPolicy } from '@sluice/core/policy'
import { describe, expect, test } from 'vitest'
import { parseFlags } from '../flags/flags.ts'
import { readPolicy, type PolicyReading } from './policy-reading.ts'
import { requestFlags, requestOf, type ImaginedRequest } from './request-facts.ts'

const now = Date.UTC(2026, 10, 24, 12)
const request = (...argv: readonly string[]): ImaginedRequest => requestOf(parseFlags(requestFlags, ['--model', 'claude-opus-5-5', ...argv]), now)
const famous = compilePolicy({ version: 1, rules: ['when input < 10k use claude-haiku-4-5 else claude-opus-5-5'] })

describe('a policy read for a request', () => {
  test('says rule by rule what does not hold, which one decides, and which are not asked any more', () => {
    const policy = compilePolicy({
      version: 1,
      rules: [
        { name: 'titles', when: { kind: 'title', hasTools: false }, do: { keep: true } },
        { name: 'watching', do: { deny: 'no' }, shadow: true },
        { name: 'small', when: { inputTokens: { below: 10_000 } }, do: { target: { model: 'claude-haiku-5-5' } } },
        { name: 'last', do: { keep: true } },
      ],
    })
    const { rules, rule, wanted } = readPolicy(policy, request('--input', '9k'))
    expect(rules).toEqual([
      { rule: 'titles', outcome: 'no', failing: ['kind "title"', 'hasTools false'] },
      { rule: 'watching', outcome: 'watches', failing: [] },
      { rule: 'small', outcome: 'decides', failing: [] },
      { rule: 'last', outcome: 'not-asked', failing: [] },
    ])
    expect([rule, wanted]).toEqual(['small', 'send it to claude-haiku-5-5'])
  })

  test('the famous rule fires on no first request of Claude Code, and its else decides', () => {
    expect(readPolicy(famous, request('--input', '16k'))).toMatchObject({
      rules: [{ outcome: 'else', failing: ['inputTokens {"below":10000}'] }],
      wanted: 'send it to claude-opus-5-5',
    })
  })

  test('a conversation under way stays for its thinking; without any, the arithmetic says whether a switch pays', () => {
    const small = compilePolicy({ version: 1, rules: ['when new < 10k use claude-haiku-4-5'] })
    const thinking = readPolicy(small, request('--input', '90k', '--turn', '8'))
    expect([thinking.arithmetic, thinking.notes.join(' ')]).toEqual([null, expect.stringContaining('its history holds thinking')])
    const dear = readPolicy(small, request('--input', '90k', '--turn', '2', '--no-thinking', '--output', '50'))
    expect([dear.arithmetic?.isWorthIt, dear.arithmetic?.remainingTurns, dear.notes.join(' ')]).toEqual([false, 2, expect.stringContaining('does not pay')])
  })

  describe('stops and residency', () => {
    const policy = compilePolicy({
      version: 1,
      upstreams: { anthropic: { region: 'us', fallbacks: ['frankfurt'] }, frankfurt: { region: 'eu' } },
      stops: [
        { model: 'claude-haiku-4-5', reason: 'it is unwell' },
        { scope: 'acme/left', reason: 'they left' },
      ],
      residency: [{ scope: 'acme/bank', regions: ['eu'] }],
      rules: ['when kind is title use claude-haiku-4-5', 'when kind is probe deny "no probes"'],
    })
    const read = (...argv: readonly string[]): PolicyReading => readPolicy(policy, request('--input', '9k', ...argv), 'anthropic')

    test('leave alone what they do not concern', () => {
      expect([read().limits, read().notes, read('--kind', 'probe', '--scope', 'acme/left').limits]).toEqual([null, [], null])
    })

    test('a rule whose target is stopped leaves the request where it was asked for, and the reason is told', () => {
      const { limits, notes } = read('--kind', 'title')
      expect(limits).toMatchObject({
        closed: [{ model: 'claude-haiku-4-5', code: 'stopped' }],
        open: { model: 'claude-opus-5-5', upstream: 'anthropic' },
        isStandIn: false,
      })
      expect(notes.slice(0, 2)).toEqual([
        'claude-haiku-4-5 at anthropic may not be used: claude-haiku-4-5 is stopped: it is unwell',
        'It goes to claude-opus-5-5 at anthropic.',
      ])
    })

    test('what is pinned to a region goes to the fallback there', () => {
      const { limits, notes } = read('--scope', 'acme/bank/cards')
      expect(limits).toMatchObject({ closed: [{ upstream: 'anthropic', code: 'outside-region' }], open: { upstream: 'frankfurt' }, isStandIn: true })
      expect(notes.at(-1)).toBe('claude-opus-5-5 at frankfurt stands in for it.')
    })

    test('what is left nowhere is refused', () => {
      const { limits, notes } = read('--scope', 'acme/left')
      expect(limits).toMatchObject({ open: null, closed: [{ why: 'This scope is stopped: they left' }] })
      expect(notes.at(-1)).toBe('Nothing that may be used is left: it is refused with 403, "stopped".')
    })

    test('where nobody has said which upstream serves by default, that is said', () => {
      const { notes } = readPolicy(policy, request('--input', '9k', '--scope', 'acme/bank'))
      expect(notes.join(' ')).toContain('say it with --upstreams')
      const named = compilePolicy({ ...policy.policy, defaults: { upstream: 'frankfurt' } })
      expect(readPolicy(named, request('--input', '9k', '--scope', 'acme/bank')).limits).toBeNull()
    })
  })

  property.prop([
    fc.record({
      input: fc.integer({ min: 0, max: 300_000 }),
      turn: fc.integer({ min: 1, max: 60 }),
      kind: fc.constantFrom('main', 'title', 'sub-agent', 'hook'),
      agent: fc.constantFrom('Explore', 'other'),
    }),
  ])('names the rule that the policy itself decides by', ({ input, turn, kind, agent }) => {
    for (const policy of [famous, compilePolicy(recommendedPolicy)]) {
      const imagined = request('--input', String(input), '--turn', String(turn), '--kind', kind, '--agent', agent)
      const reading: PolicyReading = readPolicy(policy, imagined)
      expect(reading.rule).toBe(policy.evaluate(imagined.facts).rule?.name ?? null)
      expect(reading.rules.find(({ outcome }) => outcome === 'decides' || outcome === 'else')?.rule).toBe(reading.rule ?? undefined)
    }
  })
})

describe('a request in flags', () => {
  test('has what the flags say, and what is usual elsewhere', () => {
    expect(request('--input', '16k').facts).toMatchObject({
      kind: 'main',
      inputTokens: 16_000,
      newTokens: 16_000,
      contextTokens: 48_000,
      turn: 1,
      hasTools: true,
      hasThinking: true,
      at: now,
    })
    expect(request('--input', '1.5m', '--turn', '3', '--scope', 'acme/web', '--tag', 'team=pay=x', '--budget', '80%').facts).toMatchObject({
      inputTokens: 1_500_000,
      newTokens: 1_000,
      scopes: ['acme', 'acme/web'],
      tags: { team: 'pay=x' },
      budgetUtilization: 0.8,
    })
  })

  test.each([
    [['--input', '16 kb'], '--input: saw "16 kb"'],
    [['--input', '5', '--new', '6'], '--new: 6 is more than the whole prompt'],
    [['--input', '5', '--kind', 'titel'], '--kind: saw "titel"'],
    [['--input', '5', '--turn', 'two'], '--turn: saw "two"'],
    [['--input', '5', '--tag', 'x'], '--tag: saw "x"'],
    [['--input', '5', '--budget', 'much'], '--budget: saw "much"'],
    [[], 'describe the request'],
  ])('%j is refused: %s', (argv, message) => {
    expect(() => request(...argv)).toThrow(message)
  })
})
