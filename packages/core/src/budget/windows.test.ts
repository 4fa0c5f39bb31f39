import { fc, test as property } from '@fast-check/vitest'
import { describe, expect, test } from 'vitest'
import type { BudgetWindow } from '../ports/budget-book.ts'
import { windowAt, windowBefore } from './windows.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/Sao_Paulo',
  'America/Havana',
  'America/St_Johns',
  'America/Asuncion',
  'Africa/Cairo',
  'Africa/Casablanca',
  'Asia/Beirut',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Pacific/Kiritimati',
  'Etc/GMT+12',
] as const

const kinds = ['day', 'week', 'month', 'quarter', 'year'] as const
type Kind = (typeof kinds)[number]

/** Prints dates the way the oracle reads them; made by nothing that windows are made by. */
const printers = new Map<string, Intl.DateTimeFormat>()
function printedDate(timeZone: string, at: number): string {
  let printer = printers.get(timeZone)
  if (printer === undefined)
    printers.set(timeZone, (printer = new Intl.DateTimeFormat('sv-SE', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' })))
  return printer.format(at)
}

/** A name of the period that a printed date is in, by calendar lore alone. */
function periodOf(kind: Kind, date: string): string {
  if (kind === 'day') return date
  if (kind === 'month') return date.slice(0, 7)
  if (kind === 'year') return date.slice(0, 4)
  if (kind === 'quarter') return `${date.slice(0, 4)} ${Math.ceil(Number(date.slice(5, 7)) / 3)}`
  // 1970-01-05 was a Monday.
  return String(Math.floor((Date.parse(date) - Date.UTC(1970, 0, 5)) / (7 * day)) + 100_000)
}

const instants = fc.integer({ min: Date.UTC(1990, 0), max: Date.UTC(2040, 0) })
const calendarWindows = fc.record({ kind: fc.constantFrom(...kinds), timeZone: fc.constantFrom(...zones) })
const anyWindow: fc.Arbitrary<BudgetWindow> = fc.oneof(
  { weight: 8, arbitrary: calendarWindows },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rolling' as const), hours: fc.integer({ min: 1, max: 2_000 }) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'total' as const }) },
)

describe('R17, G3: windows are a pure function of the instant: nothing is ever reset', () => {
  property.prop([calendarWindows, instants], { numRuns: 3_000 })(
    'R17: a window holds its instant, and begins and ends where the printed date changes its period',
    (window, at) => {
      const { bucket, firstBucket, startsAt, endsAt } = windowAt(window, at)
      expect([bucket, firstBucket]).toEqual([startsAt, startsAt])
      expect(at >= startsAt && at < (endsAt as number)).toBe(true)
      const period = (instant: number) => periodOf(window.kind, printedDate(window.timeZone, instant))
      const own = period(startsAt)
      expect(period(startsAt - 1) < own).toBe(true)
      expect(period(endsAt as number) > own).toBe(true)
      // A clock that was set back over midnight may show the day before once more, never the day after.
      expect(period(at) <= own).toBe(true)
      expect(period((endsAt as number) - 1) <= own).toBe(true)
    },
  )

  property.prop([anyWindow, instants, fc.integer({ min: 0, max: 400 * day })], { numRuns: 2_000 })(
    'R17: windows follow each other without gap or overlap, and every instant of a window finds the same one',
    (window, at, later) => {
      const range = windowAt(window, at)
      const other = windowAt(window, at + later)
      if (range.endsAt === undefined || at + later < range.endsAt) {
        expect(other).toEqual(range)
        return
      }
      expect(other.bucket >= range.endsAt).toBe(true)
      expect(windowAt(window, range.endsAt).bucket).toBe(range.endsAt)
      if (window.kind !== 'rolling') expect(windowBefore(window, range.endsAt)).toEqual(range)
    },
  )

  test.each(zones)('R17: through two years of %s, half an hour by half an hour, a day changes when its date first shows', (timeZone) => {
    let latest = ''
    let startsAt = Number.NaN
    for (let at = Date.UTC(2009, 11, 30); at < Date.UTC(2012, 0, 3); at += 30 * minute) {
      const date = printedDate(timeZone, at)
      if (date > latest) {
        latest = date
        startsAt = at
      }
      if (at < Date.UTC(2010, 0)) continue
      const found = windowAt({ kind: 'day', timeZone }, at)
      // Samples are half an hour apart: a day that begins in between was seen that much later.
      expect(startsAt - found.startsAt).toBeGreaterThanOrEqual(0)
      expect(startsAt - found.startsAt).toBeLessThan(30 * minute)
    }
  })
})

const startOf = (window: BudgetWindow, at: number) => new Date(windowAt(window, at).startsAt).toISOString()
const hoursOf = (window: BudgetWindow, at: number) => {
  const { startsAt, endsAt } = windowAt(window, at)
  return ((endsAt as number) - startsAt) / hour
}

test('R17: days are 23 and 25 hours long in Berlin when clocks change, and 23.5 and 24.5 on Lord Howe', () => {
  const berlin = { kind: 'day', timeZone: 'Europe/Berlin' } as const
  expect([hoursOf(berlin, Date.UTC(2026, 2, 29, 12)), hoursOf(berlin, Date.UTC(2026, 9, 25, 12)), hoursOf(berlin, Date.UTC(2026, 9, 26, 12))]).toEqual([
    23, 25, 24,
  ])
  const lordHowe = { kind: 'day', timeZone: 'Australia/Lord_Howe' } as const
  expect([hoursOf(lordHowe, Date.UTC(2026, 9, 4, 0)), hoursOf(lordHowe, Date.UTC(2026, 3, 5, 0))]).toEqual([23.5, 24.5])
})

test('R17: a day begins at 01:00 where clocks skip midnight', () => {
  // São Paulo went from 24:00 to 01:00 on 4 November 2018: three hours behind UTC before, two after.
  const window = { kind: 'day', timeZone: 'America/Sao_Paulo' } as const
  expect([startOf(window, Date.UTC(2018, 10, 4, 12)), hoursOf(window, Date.UTC(2018, 10, 4, 12))]).toEqual(['2018-11-04T03:00:00.000Z', 23])
  // And back from 24:00 to 23:00 on 17 February 2019: Saturday lasts an hour longer.
  expect([startOf(window, Date.UTC(2019, 1, 17, 12)), hoursOf(window, Date.UTC(2019, 1, 16, 12))]).toEqual(['2019-02-17T03:00:00.000Z', 25])
})

test('R17: a clock set back from 00:01 to 23:01 does not bring yesterday back', () => {
  const window = { kind: 'day', timeZone: 'America/St_Johns' } as const
  const midnight = Date.UTC(2010, 10, 7, 2, 30)
  expect(windowAt(window, midnight - 1).startsAt).toBe(midnight - 24 * hour)
  for (const after of [0, 30_000, 2 * minute, 59 * minute, 62 * minute]) expect(windowAt(window, midnight + after).startsAt).toBe(midnight)
})

test('R17: a date that a zone skipped has no window: after 29 December 2011 comes the 31st in Apia', () => {
  const window = { kind: 'day', timeZone: 'Pacific/Apia' } as const
  const jump = Date.UTC(2011, 11, 30, 10)
  expect([windowAt(window, jump - 1).endsAt, windowAt(window, jump).startsAt, windowBefore(window, jump)?.startsAt]).toEqual([jump, jump, jump - day])
})

test('R17: months, quarters and years end where the calendar says, leap days included', () => {
  const at = (kind: Kind, instant: number) => {
    const { startsAt, endsAt } = windowAt({ kind, timeZone: 'UTC' }, instant)
    return [new Date(startsAt).toISOString().slice(0, 10), new Date(endsAt as number).toISOString().slice(0, 10)]
  }
  const leapDay = Date.UTC(2028, 1, 29, 23, 59, 59, 999)
  expect([at('month', leapDay), at('quarter', leapDay), at('year', leapDay)]).toEqual([
    ['2028-02-01', '2028-03-01'],
    ['2028-01-01', '2028-04-01'],
    ['2028-01-01', '2029-01-01'],
  ])
  expect(at('month', Date.UTC(2026, 11, 31, 23, 59, 59, 999))).toEqual(['2026-12-01', '2027-01-01'])
  expect(at('quarter', Date.UTC(2026, 11, 31))).toEqual(['2026-10-01', '2027-01-01'])
})

test('R17: weeks begin on Monday, over the turn of a year too', () => {
  const window = { kind: 'week', timeZone: 'Europe/Berlin' } as const
  expect(startOf(window, Date.UTC(2027, 0, 3, 22, 59))).toBe('2026-12-27T23:00:00.000Z')
  expect(startOf(window, Date.UTC(2027, 0, 3, 23))).toBe('2027-01-03T23:00:00.000Z')
  expect(hoursOf(window, Date.UTC(2026, 9, 21))).toBe(7 * 24 + 1)
})

test('a rolling window is whole hours of UTC, the current one included; a total has one bucket and no end', () => {
  const at = Date.UTC(2026, 10, 24, 12, 30)
  const bucket = Date.UTC(2026, 10, 24, 12)
  const firstBucket = bucket - 4 * hour
  expect(windowAt({ kind: 'rolling', hours: 5 }, at)).toEqual({ bucket, firstBucket, startsAt: firstBucket, endsAt: bucket + hour })
  expect(windowBefore({ kind: 'rolling', hours: 5 }, at)?.bucket).toBe(firstBucket - hour)
  expect([windowAt({ kind: 'total' }, at), windowBefore({ kind: 'total' }, at)]).toEqual([
    { bucket: 0, firstBucket: 0, startsAt: 0, endsAt: undefined },
    undefined,
  ])
})

test('an unknown time zone is a RangeError', () => {
  expect(() => windowAt({ kind: 'day', timeZone: 'Mars/Olympus' }, 0)).toThrow(RangeError)
})

/** A book of one account: spend by bucket, summed over a range. */
class Buckets {
  readonly #spent = new Map<number, bigint>()

  charge(bucket: number, amount: bigint): void {
    this.#spent.set(bucket, (this.#spent.get(bucket) ?? 0n) + amount)
  }

  spent({ firstBucket, bucket }: { readonly firstBucket: number; readonly bucket: number }): bigint {
    let sum = 0n
    for (const [start, amount] of this.#spent) if (start >= firstBucket && start <= bucket) sum += amount
    return sum
  }
}

const charges = fc.array(fc.record({ after: fc.integer({ min: 0, max: 20 * day }), amount: fc.bigInt({ min: 0n, max: 1_000n }) }), { maxLength: 60 })

property.prop([anyWindow, instants, charges], { numRuns: 500 })(
  'R17, G3: what a window has spent is what was charged since its start, with no job that resets it',
  (window, from, plan) => {
    const buckets = new Buckets()
    const charged: [number, bigint][] = []
    let at = from
    for (const { after, amount } of plan) {
      at += after
      buckets.charge(windowAt(window, at).bucket, amount)
      charged.push([at, amount])
      const range = windowAt(window, at)
      expect(buckets.spent(range)).toBe(charged.reduce((sum, [when, part]) => (when >= range.startsAt ? sum + part : sum), 0n))
    }
  },
)

property.prop([fc.array(anyWindow, { minLength: 2, maxLength: 4 }), instants, charges], { numRuns: 1_000 })(
  'R17, G3: a change of the window counts nothing from before the new window began, and is exact from the next window on',
  (windows, from, plan) => {
    const buckets = new Buckets()
    const charged: [number, bigint][] = []
    const each = Math.max(1, Math.ceil(plan.length / windows.length))
    let at = from
    let sinceChange: [number, bigint][] = []
    for (const [index, { after, amount }] of plan.entries()) {
      at += after
      const window = windows[Math.floor(index / each)] as BudgetWindow
      if (index % each === 0) sinceChange = []
      const range = windowAt(window, at)
      buckets.charge(range.bucket, amount)
      charged.push([at, amount])
      sinceChange.push([at, amount])
      const sumFrom = (start: number, parts: readonly [number, bigint][]) => parts.reduce((sum, [when, part]) => (when >= start ? sum + part : sum), 0n)
      const spent = buckets.spent(range)
      // Never more than was truly spent since the window's start: no instant refusal for spend of another life.
      expect(spent <= sumFrom(range.startsAt, charged)).toBe(true)
      // Never less than was spent in it since the change: all of it, where it began after the change.
      expect(spent >= sumFrom(range.startsAt, sinceChange)).toBe(true)
    }
  },
)
