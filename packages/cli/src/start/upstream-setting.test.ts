import { describe, expect, test } from 'vitest'
import { parseFlags } from '../flags/flags.ts'
import { namesOf, planStart, upstreamsOf, type StartPlan } from './plan.ts'
import { given, type SettingSources } from './setting.ts'
import { flaggedSpecs, upstreamSpec } from './setting-specs.ts'

const specs = Object.fromEntries(
  flaggedSpecs.map(({ flag, placeholder, about }) => [flag as string, { about, ...(placeholder !== undefined && { value: placeholder }) }]),
)
const sources = (line: string, environment: Record<string, string> = {}, config?: object): SettingSources => ({
  flags: parseFlags(specs, line.split(' ').filter(Boolean)),
  environment,
  ...(config !== undefined && { file: { name: 'sluice.config.ts', config: { ...config } } }),
})
const plan = (line: string, environment?: Record<string, string>, config?: object): StartPlan => planStart(sources(line, environment, config), undefined)
const two = '--upstream first=https://a.example --upstream second=https://b.example'

/** What each upstream is sent as a credential, when its client has one of its own. */
function sentTo(made: StartPlan): readonly unknown[] {
  return upstreamsOf(made, undefined).map(({ name, baseUrl, credential }) => [
    name,
    credential.headersFor([['x-api-key', 'client-key']], new URL(baseUrl).hostname).map(([, value]) => value),
  ])
}

describe('several upstreams by flags and variables', () => {
  test('each gets its own key, whatever the order', () => {
    const keys = '--upstream-key second=sk-b --upstream-key first=sk-a'
    expect(sentTo(plan(`${two} ${keys}`))).toEqual([
      ['first', ['sk-a']],
      ['second', ['sk-b']],
    ])
    const environment = { SLUICE_UPSTREAM: 'first=https://a.example, second=https://b.example/x', SLUICE_UPSTREAM_KEY: 'first=sk,a=,second=sk-b' }
    expect(sentTo(plan('', environment))).toEqual([
      ['first', ['sk,a=']],
      ['second', ['sk-b']],
    ])
  })

  test("without any key clients' own credentials go to each", () => {
    expect(sentTo(plan(two))).toEqual([
      ['first', ['client-key']],
      ['second', ['client-key']],
    ])
  })

  test('a single one may have a name, and takes a key with or without it', () => {
    for (const key of ['sk-a', 'only=sk-a']) expect(sentTo(plan(`--upstream only=https://a.example --upstream-key ${key}`))).toEqual([['only', ['sk-a']]])
  })

  test('what was a single upstream stays one: the last flag counts, and a key may hold a sign of equality', () => {
    const made = plan('--upstream https://a.example --upstream https://api.anthropic.com --upstream-key a=b')
    expect([made.upstream.kind, sentTo(made), namesOf(made)]).toEqual(['url', [['anthropic', ['a=b']]], ['anthropic']])
    expect(given(upstreamSpec, sources('', {}, { upstream: 'https://c.example' }))?.value).toEqual([{ baseUrl: 'https://c.example' }])
  })

  test.each([
    [`${two} --upstream-key sk-CANARY`, 'says of no upstream that it is its own. Give NAME=KEY; there are first, second.'],
    [`${two} --upstream-key first=sk-CANARY`, 'second has no key, and the others do.'],
    [`${two} --upstream-key first=sk-CANARY --upstream-key first=sk-CANARY2`, 'there are two keys of "first"'],
    [`${two} --upstream-key first=`, 'the key of "first" (not shown) is not usable'],
    [`${two} --upstream third`, 'each as NAME=URL'],
    [`${two} --upstream first=https://c.example`, 'with a name of its own'],
    [`${two} --upstream =https://c.example`, 'Give scheme and host'],
    [`${two} --credential swap`, '"swap" sends the gateway\'s own key upstream, and there is none'],
    ['--upstream first=https://me:hunter2@a.example', '(not shown)'],
  ])('%j refuses to start: %s', (line, message) => {
    expect(() => plan(line)).toThrow(message)
    expect(() => plan(line)).not.toThrow('CANARY')
  })

  test('a deadline is for those that have none of their own', () => {
    const millis = upstreamsOf(plan(two), undefined, { deadlineSeconds: 30 }).map(({ deadlines }) => deadlines?.headMillis)
    expect(millis).toEqual([30_000, 30_000])
  })
})
