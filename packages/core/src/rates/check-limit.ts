import { ConfigurationError } from '../errors.ts'
import type { RateConsistency, RateEach, RateLimit, RateUnit } from '../ports/rate-book.ts'

/** What {@link rateLimitOf} fills in where it is left out. */
export const defaultRateLimit: {
  readonly each: RateEach
  readonly perMillis: number
  readonly consistency: RateConsistency
  readonly queueMillis: number
  readonly createdAt: number
  readonly version: number
} = Object.freeze({ each: 'all', perMillis: 60_000, consistency: 'shared', queueMillis: 0, createdAt: 0, version: 1 })

/** A limit as somebody writes it: whom it covers, what it counts, how much; everything else has a default, see {@link defaultRateLimit}. */
export type RateLimitInput = Pick<RateLimit, 'id' | 'subject' | 'unit' | 'amount'> & Partial<Omit<RateLimit, 'id' | 'subject' | 'unit' | 'amount'>>

const units: readonly RateUnit[] = ['requests', 'fresh-input-tokens', 'output-tokens', 'nano-usd', 'concurrency', 'sessions']
const eachOf: readonly RateEach[] = ['all', 'key', 'developer', 'session']
const consistencies: readonly RateConsistency[] = ['local', 'shared', 'leased']
/** A client gives up before, and holds a connection meanwhile. */
const maxQueueMillis = 600_000
const maxPerMillis = 31 * 86_400_000

/**
 * A whole limit: defaults filled in (its name is its id), and nothing in it that could not be counted.
 *
 * @throws ConfigurationError that names the field, the value seen and the fix
 */
export function rateLimitOf(input: RateLimitInput, option = 'limit'): RateLimit {
  const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined)) as RateLimitInput
  const limit: RateLimit = { ...defaultRateLimit, name: input.id, ...given }
  const check = (isRight: boolean, field: keyof RateLimit, fix: string): void => {
    if (!isRight) throw new ConfigurationError(`${option}.${field}`, `${JSON.stringify(limit[field]) ?? 'undefined'} will not do. ${fix}`)
  }
  const { subject } = limit
  check(typeof limit.id === 'string' && limit.id !== '' && !/\s/.test(limit.id), 'id', 'Use some characters without spaces, such as "web-requests".')
  check(typeof limit.name === 'string' && limit.name !== '', 'name', 'Use what people will recognise in a refusal.')
  check(
    [subject.scope, subject.key, subject.tag, subject.model].some((part) => part !== undefined),
    'subject',
    'Name at least one of scope, key, tag and model. Model "*" is every model.',
  )
  check(eachOf.includes(limit.each), 'each', `Use one of ${eachOf.join(', ')}.`)
  check(units.includes(limit.unit), 'unit', `Use one of ${units.join(', ')}.`)
  check(consistencies.includes(limit.consistency), 'consistency', `Use one of ${consistencies.join(', ')}.`)
  check(Number.isSafeInteger(limit.amount) && limit.amount >= 0, 'amount', 'Use a whole number; 0 lets nothing through.')
  check(isWholeWithin(limit.perMillis, 1, maxPerMillis), 'perMillis', `Use whole milliseconds, from 1 to ${maxPerMillis} (31 days).`)
  check(isWholeWithin(limit.queueMillis, 0, maxQueueMillis), 'queueMillis', `Use whole milliseconds, up to ${maxQueueMillis} (10 minutes); 0 refuses at once.`)
  return limit
}

function isWholeWithin(value: number, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most
}
