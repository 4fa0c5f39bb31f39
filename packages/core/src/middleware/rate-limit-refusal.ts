import { GatewayError } from '../errors.ts'
import type { RateLimit } from '../ports/rate-book.ts'
import type { Turned } from '../rates/turnstile.ts'

/** Up to so long Claude Code waits and asks again by itself; what takes longer is to be shown at once. */
const longestWaitSeconds = 60
/** Nobody knows when an exchange ends; half of them are over in less. */
const placeRetryMillis = 5_000
const outageRetrySeconds = 5

/** What a client is told that is not let through: which limit, what it counts, and when to come back. */
export function rateRefusal({ shortage, isLineFull }: Turned): GatewayError {
  const { limit } = shortage.demand
  if (shortage.kind === 'unavailable') {
    return new GatewayError('rate-limited', `Rate limit "${limit.name}" cannot be checked at the moment. Try again in ${outageRetrySeconds} seconds.`, {
      status: 503,
      type: 'overloaded_error',
      retryAfterSeconds: outageRetrySeconds,
      cause: shortage.cause,
    })
  }
  const what = `Rate limit "${limit.name}" is reached: ${amountOf(limit)}${eachText[limit.each]}.${isLineFull ? ' Too many wait in line for it already.' : ''}`
  const millis = shortage.retryAfterMillis ?? (limit.unit === 'sessions' ? limit.perMillis : placeRetryMillis)
  if (millis === Infinity || limit.amount === 0) return new GatewayError('rate-limited', `${what} It lets nothing through.`, { shouldRetry: false })
  const retryAfterSeconds = Math.max(1, Math.ceil(millis / 1_000))
  return new GatewayError('rate-limited', `${what} Try again in ${durationText(retryAfterSeconds)}.`, {
    retryAfterSeconds,
    ...(retryAfterSeconds > longestWaitSeconds && { shouldRetry: false }),
  })
}

const eachText: Readonly<Record<RateLimit['each'], string>> = { all: '', key: ' for each key', developer: ' for each developer', session: ' for each session' }

function amountOf({ unit, amount, perMillis }: RateLimit): string {
  const count = amount.toLocaleString('en-US')
  if (unit === 'concurrency') return `${count} ${amount === 1 ? 'request' : 'requests'} under way at a time`
  if (unit === 'sessions') return `${count} active ${amount === 1 ? 'session' : 'sessions'} at a time`
  if (unit === 'nano-usd') return `$${(amount / 1e9).toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 9 })} ${periodText(perMillis)}`
  const noun = unit === 'requests' ? 'requests' : unit === 'output-tokens' ? 'output tokens' : 'fresh input tokens'
  return `${count} ${amount === 1 ? noun.slice(0, -1) : noun} ${periodText(perMillis)}`
}

const periods: ReadonlyMap<number, string> = new Map([
  [1_000, 'a second'],
  [60_000, 'a minute'],
  [3_600_000, 'an hour'],
  [86_400_000, 'a day'],
])

function periodText(perMillis: number): string {
  return periods.get(perMillis) ?? (perMillis % 1_000 === 0 ? `in ${durationText(perMillis / 1_000)}` : `in ${perMillis} milliseconds`)
}

function durationText(seconds: number): string {
  if (seconds === 1) return '1 second'
  if (seconds <= 120) return `${seconds} seconds`
  return seconds <= 7_200 ? `${Math.ceil(seconds / 60)} minutes` : `${Math.ceil(seconds / 3_600)} hours`
}
