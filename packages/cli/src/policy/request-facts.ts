import type { RouteFacts } from '@sluice/core/policy'
import { UsageError } from '../errors.ts'
import type { FlagSpecs, Flags } from '../flags/flags.ts'
import { toInstant } from '../gateway/instant.ts'

const kinds = ['main', 'sub-agent', 'title', 'classifier', 'probe', 'compaction', 'web-search', 'hook', 'count-tokens', 'models', 'auxiliary', 'other'] as const

/** Flags that describe a request that nobody has sent. */
export const requestFlags: FlagSpecs = {
  model: { value: 'M', about: 'the model it asks for' },
  input: { value: 'N', about: 'tokens of its whole prompt: 16k, 200000' },
  new: { value: 'N', about: 'of them, those that no cache holds (all on turn 1, else 1k)' },
  output: { value: 'N', about: 'tokens of its answer, for what a switch would cost (400)' },
  kind: { value: 'K', about: `${kinds.join(', ')} (main)` },
  agent: { value: 'TYPE', about: 'type of the sub-agent, such as Explore' },
  turn: { value: 'N', about: 'which turn of its conversation it is (1)' },
  age: { value: 'MINUTES', about: 'how long ago the conversation began (0)' },
  'max-tokens': { value: 'N', about: 'the output that it allows (32k)' },
  'no-tools': { about: 'it brings no tools' },
  'no-thinking': { about: 'it has no thinking, and neither has its history' },
  scope: { value: 'PATH', about: 'scope of its key; those above it count too' },
  tag: { value: 'NAME=VALUE', about: 'a tag; repeatable', isRepeatable: true },
  repository: { value: 'NAME', about: 'the repository it works on' },
  region: { value: 'NAME', about: 'where the gateway runs' },
  budget: { value: 'P', about: 'percent used of the tightest budget: 80' },
  'used-up': { about: 'a budget whose action is downgrade is used up' },
  at: { value: 'TIME', about: 'when it comes: 2026-11-24T13:00:00Z (now)' },
}

/** A request that nobody has sent, as rules see it. */
export interface ImaginedRequest {
  readonly facts: RouteFacts
  readonly outputTokens: number
}

/** Reads {@link requestFlags}. @throws UsageError */
export function requestOf(flags: Flags, now: number): ImaginedRequest {
  const model = flags.text('model')
  const input = flags.text('input')
  if (model === undefined || input === undefined)
    throw new UsageError('describe the request: --model and --input, such as --model claude-opus-5-5 --input 16k.')
  const inputTokens = tokens('input', input)
  const turn = whole('turn', flags.text('turn') ?? '1')
  const newText = flags.text('new')
  const newTokens = newText === undefined ? (turn === 1 ? inputTokens : Math.min(1_000, inputTokens)) : tokens('new', newText)
  if (newTokens > inputTokens) throw new UsageError(`--new: ${newTokens} is more than the whole prompt of ${inputTokens} tokens.`)
  const kind = flags.text('kind') ?? 'main'
  const known = kinds.find((candidate) => candidate === kind)
  if (known === undefined) throw new UsageError(`--kind: saw "${kind}". Give one of ${kinds.join(', ')}.`)
  const at = flags.text('at')
  const budget = flags.text('budget')
  const scope = flags.text('scope')
  const optional = (name: 'repository' | 'region', value = flags.text(name)): object => (value === undefined ? {} : { [name]: value })
  const agentType = flags.text('agent')
  return {
    facts: {
      model,
      kind: known,
      inputTokens,
      newTokens,
      contextTokens: inputTokens + tokens('max-tokens', flags.text('max-tokens') ?? '32k'),
      hasTools: !flags.has('no-tools'),
      hasThinking: !flags.has('no-thinking'),
      turn,
      sessionAgeMillis: whole('age', flags.text('age') ?? '0') * 60_000,
      scopes: scope === undefined ? [] : withThoseAbove(scope),
      tags: Object.fromEntries(flags.list('tag').map(tagOf)),
      at: at === undefined ? now : toInstant('--at', at, now, 'UTC'),
      mustDowngrade: flags.has('used-up'),
      ...(agentType !== undefined && { agentType }),
      ...(budget !== undefined && { budgetUtilization: percent(budget) }),
      ...optional('repository'),
      ...optional('region'),
    },
    outputTokens: tokens('output', flags.text('output') ?? '400'),
  }
}

/** A count of tokens as people write it: `16k`, `1.5m`, `200000`. */
function tokens(flag: string, text: string): number {
  const [, number, unit = ''] = /^(\d{1,9}(?:\.\d{1,3})?)([km]?)$/i.exec(text) ?? []
  if (number === undefined) throw new UsageError(`--${flag}: saw "${text}". Give tokens, such as 16k or 200000.`)
  return Math.round(Number(number) * (unit === '' ? 1 : unit.toLowerCase() === 'k' ? 1_000 : 1_000_000))
}

function whole(flag: string, text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw new UsageError(`--${flag}: saw "${text}". Give a whole number.`)
  return Number(text)
}

function percent(text: string): number {
  if (!/^\d{1,4}(?:\.\d+)?%?$/.test(text)) throw new UsageError(`--budget: saw "${text}". Give a percentage, such as 80.`)
  return Number.parseFloat(text) / 100
}

function tagOf(text: string): readonly [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw new UsageError(`--tag: saw "${text}". Give NAME=VALUE.`)
  return [text.slice(0, at), text.slice(at + 1)]
}

function withThoseAbove(path: string): readonly string[] {
  const names = path.split('/')
  return names.map((_, at) => names.slice(0, at + 1).join('/'))
}
