import { zoneOffset } from '../ledger/zoned-labels.ts'
import type { BudgetWindow } from '../ports/budget-book.ts'

/** A window at one instant: where spend is charged, and when it begins and ends. All in milliseconds since the epoch. */
export interface WindowRange {
  /** What is charged now is charged here. */
  readonly bucket: number
  /** The window is the buckets from this one to `bucket`. */
  readonly firstBucket: number
  readonly startsAt: number
  /**
   * When there is room again: the first instant of the next window. Of a rolling window the end of the current hour, when its oldest hour leaves;
   * undefined for a total, which never ends.
   */
  readonly endsAt: number | undefined
}

type CalendarKind = Exclude<BudgetWindow['kind'], 'rolling' | 'total'>

const hourMillis = 3_600_000
const dayMillis = 24 * hourMillis

/** Farther than any clock is from UTC, the date line's jumps included. */
const reachMillis = 30 * hourMillis

/**
 * The window that an instant falls in: a pure function, so that nothing is ever reset. A day begins when its date first shows on the clocks of the zone,
 * at 01:00 where midnight is skipped; a clock that is set back over midnight does not begin the day anew.
 *
 * @throws RangeError for an unknown time zone
 */
export function windowAt(window: BudgetWindow, at: number): WindowRange {
  if (window.kind === 'total') return { bucket: 0, firstBucket: 0, startsAt: 0, endsAt: undefined }
  if (window.kind === 'rolling') {
    const bucket = Math.floor(at / hourMillis) * hourMillis
    const startsAt = bucket - (window.hours - 1) * hourMillis
    return { bucket, firstBucket: startsAt, startsAt, endsAt: bucket + hourMillis }
  }
  const calendar = calendarOf(window.timeZone)
  const known = calendar.latest.get(window.kind)
  if (known !== undefined && at >= known.startsAt && at < (known.endsAt as number)) return known
  const range = calendarWindow(calendar, window.kind, at)
  calendar.latest.set(window.kind, range)
  return range
}

/** The last window that had closed at an instant; undefined for a total. */
export function windowBefore(window: BudgetWindow, at: number): WindowRange | undefined {
  if (window.kind === 'total') return undefined
  if (window.kind === 'rolling') return windowAt(window, at - window.hours * hourMillis)
  const { startsAt } = windowAt(window, at)
  return calendarWindow(calendarOf(window.timeZone), window.kind, startsAt - 1)
}

interface Calendar {
  readonly offsetAt: (at: number) => number
  /** The window last asked for, of each kind: most instants fall in it. */
  readonly latest: Map<CalendarKind, WindowRange>
}

const calendars = new Map<string, Calendar>()

/** Bounded by the zones that exist: an unknown one throws. */
function calendarOf(timeZone: string): Calendar {
  let calendar = calendars.get(timeZone)
  if (calendar === undefined) calendars.set(timeZone, (calendar = { offsetAt: zoneOffset(timeZone), latest: new Map() }))
  return calendar
}

function calendarWindow({ offsetAt }: Calendar, kind: CalendarKind, at: number): WindowRange {
  let local = periodStart(kind, at + offsetAt(at))
  let startsAt = firstInstantOf(offsetAt, local)
  while (true) {
    const next = nextPeriod(kind, local)
    const endsAt = firstInstantOf(offsetAt, next)
    // A clock set back over midnight shows the old date again, when the new day has begun.
    if (at < endsAt) return { bucket: startsAt, firstBucket: startsAt, startsAt, endsAt }
    local = next
    startsAt = endsAt
  }
}

/** Start of the period that a local time falls in. Local times are told as the instants at which they would be on a clock of UTC. */
function periodStart(kind: CalendarKind, local: number): number {
  const date = new Date(local)
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()]
  switch (kind) {
    case 'day':
      return Date.UTC(year, month, day)
    case 'week':
      return Date.UTC(year, month, day - ((date.getUTCDay() + 6) % 7))
    case 'month':
      return Date.UTC(year, month)
    case 'quarter':
      return Date.UTC(year, month - (month % 3))
    default:
      return Date.UTC(year, 0)
  }
}

const months: Readonly<Record<'month' | 'quarter' | 'year', number>> = { month: 1, quarter: 3, year: 12 }

function nextPeriod(kind: CalendarKind, start: number): number {
  if (kind === 'day') return start + dayMillis
  if (kind === 'week') return start + 7 * dayMillis
  const date = new Date(start)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months[kind])
}

/** The first instant at which the clocks of a zone show this local time or a later one. */
function firstInstantOf(offsetAt: (at: number) => number, local: number): number {
  const before = offsetAt(local - reachMillis)
  const after = offsetAt(local + reachMillis)
  if (before === after) return local - before
  const change = changeOf(offsetAt, local - reachMillis, local + reachMillis)
  return local - before < change ? local - before : Math.max(change, local - after)
}

/** The instant between two at which a zone's offset changes, to the millisecond. */
function changeOf(offsetAt: (at: number) => number, from: number, until: number): number {
  const before = offsetAt(from)
  let [low, high] = [from, until]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (offsetAt(middle) === before) low = middle
    else high = middle
  }
  return high
}
