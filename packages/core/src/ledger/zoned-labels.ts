/** Names of the hour and the day that an instant falls in, in one time zone. */
export interface ZonedLabels {
  /** `2026-11-24T13`. Where a clock is set back, both passes of the hour have one name. */
  readonly hour: (atMillis: number) => string
  /** `2026-11-24`. */
  readonly day: (atMillis: number) => string
}

const hourMillis = 3_600_000

/**
 * Labels for a report. Asks `Intl` once for each hour that occurs, not once for each instant.
 *
 * @throws RangeError for an unknown time zone
 */
export function zonedLabels(timeZone: string): ZonedLabels {
  const offsetAt = zoneOffset(timeZone)
  /** Offset of each UTC hour; null for an hour within which it changes. */
  const offsets = new Map<number, number | null>()
  const hours = new Map<number, string>()
  const offsetIn = (atMillis: number): number => {
    const utcHour = Math.floor(atMillis / hourMillis)
    let offset = offsets.get(utcHour)
    if (offset === undefined) {
      const first = offsetAt(utcHour * hourMillis)
      offset = first === offsetAt((utcHour + 1) * hourMillis - 1) ? first : null
      offsets.set(utcHour, offset)
    }
    return offset ?? offsetAt(atMillis)
  }
  const hour = (atMillis: number): string => {
    const localHour = Math.floor((atMillis + offsetIn(atMillis)) / hourMillis)
    let label = hours.get(localHour)
    if (label === undefined) hours.set(localHour, (label = new Date(localHour * hourMillis).toISOString().slice(0, -11)))
    return label
  }
  return { hour, day: (atMillis) => hour(atMillis).slice(0, -3) }
}

/**
 * How far local time is ahead of UTC at an instant, in milliseconds.
 *
 * @throws RangeError for an unknown time zone
 */
export function zoneOffset(timeZone: string): (atMillis: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  if (format.resolvedOptions().timeZone === 'UTC') return () => 0
  return (atMillis) => {
    const second = Math.floor(atMillis / 1_000) * 1_000
    const local: { [part: string]: number } = {}
    for (const { type, value } of format.formatToParts(second)) local[type] = Number(value)
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second: seconds = 0 } = local
    return Date.UTC(year, month - 1, day, hour, minute, seconds) - second
  }
}
