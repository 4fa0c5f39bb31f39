import { UsageError } from '../errors.ts'

const unitMillis: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/**
 * Reads an instant: `24h`, `7d`, `30m`, `2w` before now, a date or a date and time. Without an offset, those are of the given time zone.
 *
 * @throws UsageError naming the flag
 */
export function toInstant(flag: string, text: string, now: number, timeZone: string): number {
  const ago = /^(\d{1,6})([mhdw])$/.exec(text)
  if (ago !== null) return now - Number(ago[1]) * (unitMillis[ago[2] as string] as number)
  if (/^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?$/.test(text)) {
    const hasOffset = /(?:Z|[+-]\d\d:?\d\d)$/.test(text.slice(10))
    const millis = Date.parse(hasOffset ? text : text.length === 10 ? `${text}T00:00:00Z` : `${text}Z`)
    if (!Number.isNaN(millis)) return hasOffset ? millis : fromWallClock(millis, timeZone)
  }
  throw new UsageError(`${flag}: saw "${text}". Give a span before now, such as 24h or 7d, or a time such as 2026-11-24 or 2026-11-24T13:00:00Z.`)
}

/**
 * Reads an instant to come: `90d`, `12h` from now, or a date or a date and time.
 *
 * @throws UsageError naming the flag
 */
export function toComingInstant(flag: string, text: string, now: number, timeZone: string): number {
  const span = toSpanMillis(text)
  if (span !== undefined) return now + span
  const millis = toInstant(flag, text, now, timeZone)
  if (millis <= now) throw new UsageError(`${flag}: "${text}" has passed. Give a span from now, such as 90d, or a time to come.`)
  return millis
}

/** A span of time: `30s`, `15m`, `24h`, `90d`, `2w`; undefined for anything else. */
export function toSpanMillis(text: string): number | undefined {
  const [, count, unit = ''] = /^(\d{1,6})([smhdw])$/.exec(text) ?? []
  return count === undefined ? undefined : Number(count) * (unit === 's' ? 1_000 : (unitMillis[unit] as number))
}

/** The instant at which clocks in a time zone show what `utcMillis` shows in UTC. */
function fromWallClock(utcMillis: number, timeZone: string): number {
  const guess = utcMillis - offsetAt(utcMillis, timeZone)
  // Once more, for guesses on the other side of a change of the clocks.
  return utcMillis - offsetAt(guess, timeZone)
}

function offsetAt(instant: number, timeZone: string): number {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  }).formatToParts(instant)
  const part = (type: string): number => Number(parts.find((candidate) => candidate.type === type)?.value)
  return Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second')) - Math.floor(instant / 1000) * 1000
}
