import type { RequestKind } from '../entry/attribution.ts'
import type { Conditions, NumberRange, PolicyAction, PolicyRule, PolicyTarget, TimeSpan } from './policy-document.ts'

/**
 * The short form of a rule: `when input < 10k and kind is main use claude-haiku-4-5 at bedrock else keep`.
 *
 * conditions, joined by `and`:
 *   `input|new|context <|>= 10k`, `turn >= 2`, `age >= 30m`, `budget >= 80%`, `budget used up`;
 *   `model|kind|agent|scope|repository|region is A or B`, `tag NAME is A or B`; `tools`, `no tools`, `thinking`, `no thinking`;
 *   `time is mon-fri 09:00-17:00 Europe/Berlin`
 * actions: `use MODEL [at UPSTREAM]`, `use upstream NAME`, `downgrade to A or B`, `keep`, `deny "reason"`. After `else` the word `use` may be left out.
 */
export class RuleTextError extends Error {
  override readonly name: string = 'RuleTextError'
}

type Writable<Value> = { -readonly [Key in keyof Value]: Value[Key] }

/** Reads a rule in short form. @throws RuleTextError that says what is wrong, and what would be right */
export function parseRuleText(text: string): PolicyRule {
  const words = new Words(text)
  const when: Writable<Conditions> = {}
  if (words.take('when')) {
    do condition(words, when)
    while (words.take('and'))
  }
  const first = action(words, false)
  const otherwise = words.take('else') ? action(words, true) : undefined
  words.end()
  return { ...(Object.keys(when).length > 0 && { when }), do: first, ...(otherwise !== undefined && { else: otherwise }) }
}

const ranges = { input: 'inputTokens', new: 'newTokens', context: 'contextTokens', turn: 'turn', age: 'sessionAgeMinutes' } as const
const lists = { model: 'model', kind: 'kind', agent: 'agentType', scope: 'scope', repository: 'repository', region: 'region' } as const

function condition(words: Words, when: Writable<Conditions>): void {
  const isNot = words.take('no')
  const word = words.next('a condition, such as `input < 10k`')
  if (word === 'tools') return set(when, 'hasTools', !isNot)
  if (word === 'thinking') return set(when, 'hasThinking', !isNot)
  if (isNot) throw new RuleTextError(`"no ${word}" is no condition; there are \`no tools\` and \`no thinking\``)
  if (Object.hasOwn(ranges, word)) {
    const key = ranges[word as keyof typeof ranges]
    when[key] = joined(when[key], range(words, word === 'age' ? minutes : tokens))
    return
  }
  if (Object.hasOwn(lists, word)) {
    words.must('is')
    return set(when, lists[word as keyof typeof lists], alternatives(words) as string[] & RequestKind[])
  }
  if (word === 'tag') {
    const name = words.next('the name of a tag')
    words.must('is')
    return set(when, 'tags', { ...when.tags, [name]: alternatives(words) })
  }
  if (word === 'budget') {
    if (!words.take('used')) return set(when, 'budget', range(words, percent))
    words.must('up')
    return set(when, 'budget', 'used-up')
  }
  if (word === 'time') {
    words.must('is')
    return set(when, 'time', time(words))
  }
  throw new RuleTextError(
    `"${word}" is no condition. There are input, new, context, turn, age, budget, model, kind, agent, scope, repository, region, tag, tools, thinking, time`,
  )
}

function set<Key extends keyof Conditions>(when: Writable<Conditions>, key: Key, value: Conditions[Key]): void {
  if (when[key] !== undefined && key !== 'tags') throw new RuleTextError(`the condition on ${key} is given twice; join alternatives with \`or\``)
  when[key] = value
}

function joined(before: NumberRange | undefined, added: NumberRange): NumberRange {
  if (before !== undefined && Object.keys(added).some((bound) => Object.hasOwn(before, bound))) throw new RuleTextError('one bound is given twice')
  return { ...before, ...added }
}

function range(words: Words, read: (word: string) => number | undefined): NumberRange {
  const sign = words.next('`<` or `>=`')
  if (sign !== '<' && sign !== '>=') throw new RuleTextError(`"${sign}" is no comparison here; use \`<\` or \`>=\``)
  const word = words.next('a number')
  const value = read(word)
  if (value === undefined) throw new RuleTextError(`"${word}" is no number here; write 10k, 200000, 30m or 80%`)
  return sign === '<' ? { below: value } : { atLeast: value }
}

function tokens(word: string): number | undefined {
  const parts = /^(\d+(?:\.\d+)?)([km]?)$/i.exec(word)
  return parts === null ? undefined : Math.round(Number(parts[1]) * ({ '': 1, k: 1_000, m: 1_000_000 }[(parts[2] as string).toLowerCase()] as number))
}

function minutes(word: string): number | undefined {
  const parts = /^(\d+)([mhd])$/.exec(word)
  return parts === null ? undefined : Number(parts[1]) * ({ m: 1, h: 60, d: 1_440 }[parts[2] as string] as number)
}

function percent(word: string): number | undefined {
  const parts = /^(\d+(?:\.\d+)?)%$/.exec(word)
  return parts === null ? undefined : Number(parts[1]) / 100
}

function alternatives(words: Words): readonly string[] {
  const found: string[] = []
  do found.push(words.next('a value'))
  while (words.take('or'))
  return found
}

const dayNames = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const

function time(words: Words): TimeSpan {
  const form = '`mon-fri 09:00-17:00 Europe/Berlin`'
  let word = words.next(form)
  let days: TimeSpan['days']
  const named = /^([a-z]{3})(?:-([a-z]{3}))?$/.exec(word)
  if (named !== null) {
    const [first, last] = [named[1], named[2] ?? named[1]].map((day) => dayNames.indexOf(day as (typeof dayNames)[number])) as [number, number]
    if (first < 0 || last < first) throw new RuleTextError(`"${word}" names no days; write ${form}`)
    days = dayNames.slice(first, last + 1)
    word = words.next(form)
  }
  const hours = /^(\d\d:\d\d)-(\d\d:\d\d)$/.exec(word)
  if (hours === null) throw new RuleTextError(`"${word}" is no span of time; write ${form}`)
  return {
    ...(days !== undefined && { days }),
    from: hours[1] as string,
    until: hours[2] as string,
    timeZone: words.next('a time zone, such as Europe/Berlin'),
  }
}

function action(words: Words, isElse: boolean): PolicyAction {
  if (words.take('keep')) return { keep: true }
  if (words.take('deny')) return { deny: words.next('a reason in quotes') }
  if (words.take('downgrade')) {
    words.must('to')
    return { downgrade: alternatives(words).map((model) => ({ model })) }
  }
  if (!words.take('use') && !isElse) throw new RuleTextError(`"${words.next('an action')}" is no action; there are use, keep, downgrade to, deny`)
  return { target: target(words) }
}

function target(words: Words): PolicyTarget {
  if (words.take('upstream')) return { upstream: words.next('the name of an upstream') }
  const model = words.next('a model')
  return words.take('at') ? { model, upstream: words.next('the name of an upstream') } : { model }
}

/** The words of a rule; a text in quotes is one. */
class Words {
  readonly #words: string[] = []
  readonly #isQuoted: boolean[] = []
  #at = 0

  constructor(text: string) {
    if (text.length > 2_000) throw new RuleTextError('the rule is longer than 2000 characters')
    for (const [word, quoted] of text.matchAll(/"([^"]*)"|<|>=?|[^\s<>"]+|"/g)) {
      if (word === '"') throw new RuleTextError('a quote is not closed')
      this.#words.push(quoted ?? word)
      this.#isQuoted.push(quoted !== undefined)
    }
  }

  take(word: string): boolean {
    if (this.#words[this.#at] !== word || this.#isQuoted[this.#at] === true) return false
    this.#at += 1
    return true
  }

  must(word: string): void {
    if (!this.take(word)) throw new RuleTextError(`\`${word}\` is missing before "${this.#words[this.#at] ?? 'the end'}"`)
  }

  next(what: string): string {
    const word = this.#words[this.#at]
    if (word === undefined || word === '') throw new RuleTextError(`${what} is missing at the end`)
    this.#at += 1
    return word
  }

  end(): void {
    const word = this.#words[this.#at]
    if (word !== undefined) throw new RuleTextError(`"${word}" is too much; the rule ends before it`)
  }
}
