import type { Command } from '../command.ts'
import { commandGroup } from '../command-group.ts'
import { UsageError } from '../errors.ts'
import { parseFlags, type Flags, type FlagSpecs } from '../flags/flags.ts'
import { dollars, toNanoUsd } from '../format/money.ts'
import { table } from '../format/table.ts'
import { allPages } from '../gateway/all-pages.ts'
import { gatewayClient, gatewayFlags } from '../gateway/gateway-client.ts'
import { toSpanMillis } from '../gateway/instant.ts'
import { subjectFlags, subjectOf, subjectText, tellWarnings, wholeNumber } from '../gateway/subject-flags.ts'
import { printable } from '../terminal.ts'
import { needed } from './scopes.ts'

const reason = { value: 'TEXT', about: 'why; kept in the audit log' }
const units: Readonly<Record<string, string>> = {
  requests: 'requests',
  'input-tokens': 'fresh-input-tokens',
  'output-tokens': 'output-tokens',
  'amount-usd': 'nano-usd',
  concurrency: 'concurrency',
  sessions: 'sessions',
}
const spans: Readonly<Record<string, number>> = { second: 1_000, minute: 60_000, hour: 3_600_000, day: 86_400_000 }

const setFlags: FlagSpecs = {
  ...gatewayFlags,
  ...subjectFlags,
  requests: { value: 'N', about: 'so many requests' },
  'input-tokens': { value: 'N', about: 'or fresh input tokens; cache reads are free' },
  'output-tokens': { value: 'N', about: 'or output tokens' },
  'amount-usd': { value: 'N', about: 'or dollars' },
  concurrency: { value: 'N', about: 'or exchanges under way' },
  sessions: { value: 'N', about: 'or sessions that were active of late' },
  per: { value: 'SPAN', about: 'minute, hour, day, or a span such as 30s (minute)' },
  each: { value: 'WHOM', about: 'counted for each key, developer or session, or for all together (all)' },
  queue: { value: 'SPAN', about: 'how long one may wait for its turn (30s for concurrency, else 0)' },
  consistency: { value: 'C', about: 'local, shared or leased (shared)' },
  name: { value: 'NAME', about: 'named in refusals' },
  id: { value: 'ID', about: 'its id (made of what it counts, so that setting it again changes it)' },
  reason,
  json: { about: 'the limit, for programs' },
}

const set: Command = {
  usage: 'limits set --scope PATH --requests N [flags]',
  about: 'Sets a limit. The same subject and unit again changes it.',
  flags: setFlags,
  run: async (argv, terminal) => {
    const given = parseFlags(setFlags, argv)
    const queue = given.text('queue')
    const texts = Object.fromEntries(['each', 'consistency', 'name', 'id', 'reason'].flatMap((flag) => (given.has(flag) ? [[flag, given.text(flag)]] : [])))
    const answer = await gatewayClient(given, terminal).admin('limits', {
      method: 'POST',
      body: {
        subject: subjectOf(given),
        ...amountOf(given),
        ...(given.has('per') && { perMillis: spanOf('per', given.text('per') ?? '') }),
        ...(queue !== undefined && { queueMillis: queue === '0' ? 0 : spanOf('queue', queue) }),
        ...texts,
      },
    })
    tellWarnings(answer, terminal.warn)
    const limit = answer['limit'] as LimitRow
    if (given.has('json'))
      terminal.write(JSON.stringify({ ...limit, isNew: answer['isNew'], matches: answer['matches'], warnings: answer['warnings'] }, null, 2))
    else terminal.write(`${answer['isNew'] === true ? 'Set' : 'Changed'} ${printable(limit.id)}, "${printable(limit.name)}": ${rateText(limit)}.`)
    return 0
  },
}

const listFlags: FlagSpecs = { ...gatewayFlags, json: { about: 'an array of limits' } }

const list: Command = {
  usage: 'limits list [flags]',
  about: 'Lists limits.',
  flags: listFlags,
  run: async (argv, terminal) => {
    const given = parseFlags(listFlags, argv)
    const found = (await allPages(gatewayClient(given, terminal), 'limits', 'limits', new URLSearchParams(), 100_000)) as unknown as readonly LimitRow[]
    if (given.has('json')) terminal.write(JSON.stringify(found, null, 2))
    else if (found.length === 0) terminal.write('No limit yet. Set one: sluice limits set --scope PATH --requests 60')
    else
      terminal.write(
        table(
          ['id', 'on', 'limit', 'each', 'counted'].map((title) => ({ title })),
          found.map((limit) => [printable(limit.id), printable(subjectText(limit.subject), 60), rateText(limit), limit.each, limit.consistency]),
        ),
      )
    return 0
  },
}

const removeFlags: FlagSpecs = { ...gatewayFlags, reason, json: { about: 'for programs' } }

const remove: Command = {
  usage: 'limits remove ID [flags]',
  about: 'Removes a limit.',
  flags: removeFlags,
  run: async (argv, terminal) => {
    const given = parseFlags(removeFlags, argv, ['ID'])
    const id = needed(given.positional('ID'), 'ID', 'lm_0123456789abcdef')
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(id)) throw new UsageError(`"${id.slice(0, 40)}" is no id of a limit. See: sluice limits list`)
    const why = given.text('reason')
    const answer = await gatewayClient(given, terminal).admin(`limits/${id}`, {
      method: 'DELETE',
      query: new URLSearchParams(why === undefined ? {} : { reason: why }),
    })
    terminal.write(given.has('json') ? JSON.stringify(answer, null, 2) : `Removed ${id}.`)
    return 0
  },
}

/** `sluice limits`: how fast it may be spent. */
export const limits: Command = commandGroup('limits', 'Rate limits: requests, tokens, dollars, exchanges under way, sessions.', { set, list, remove })

interface LimitRow {
  readonly id: string
  readonly name: string
  readonly subject: unknown
  readonly each: string
  readonly unit: string
  readonly amount: number
  readonly perMillis: number
  readonly consistency: string
}

function rateText({ unit, amount, perMillis }: LimitRow): string {
  const much = unit === 'nano-usd' ? dollars(BigInt(amount)) : `${amount} ${unit}`
  const span = Object.entries(spans).find(([, millis]) => millis === perMillis)?.[0] ?? `${perMillis / 1_000} s`
  return unit === 'concurrency' ? `${much} at a time` : `${much} a ${span}`
}

function amountOf(given: Flags): { readonly unit: string; readonly amount: number } {
  const asked = Object.keys(units).filter((flag) => given.has(flag))
  const [flag] = asked
  if (flag === undefined) throw new UsageError(`say what is limited: --${Object.keys(units).join(', --')}.`)
  if (asked.length > 1) throw new UsageError(`--${asked.join(' and --')}: a limit counts one thing. Set one limit for each.`)
  const text = given.text(flag) ?? ''
  const unit = units[flag] as string
  if (flag !== 'amount-usd') return { unit, amount: Number(wholeNumber(flag, text)) }
  const nanoUsd = toNanoUsd(text)
  if (nanoUsd === undefined || nanoUsd === 0n || nanoUsd > BigInt(Number.MAX_SAFE_INTEGER))
    throw new UsageError(`--amount-usd: saw "${text}". Give dollars above 0 and below 9,000,000, such as 5 or 0.25.`)
  return { unit, amount: Number(nanoUsd) }
}

function spanOf(flag: string, text: string): number {
  const millis = spans[text] ?? toSpanMillis(text)
  if (millis === undefined) throw new UsageError(`--${flag}: saw "${text}". Give a span such as 30s, 1h${flag === 'per' ? ', minute or hour' : ''}.`)
  return millis
}
