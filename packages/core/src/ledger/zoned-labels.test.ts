import { fc, test as property } from '@fast-check/vitest'
import { expect, test } from 'vitest'
import { zonedLabels } from './zoned-labels.ts'

const zones = [
  'Europe/Berlin',
  'America/New_York',
  'Asia/Kolkata',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Africa/Casablanca',
  'America/St_Johns',
  'UTC',
  'Etc/GMT+12',
] as const

property.prop([fc.constantFrom(...zones), fc.integer({ min: Date.UTC(1990, 0), max: Date.UTC(2040, 0) })], { numRuns: 2_000 })(
  'labels are what Intl prints for the instant itself',
  (timeZone, atMillis) => {
    const format = new Intl.DateTimeFormat('sv-SE', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', hourCycle: 'h23' })
    expect(zonedLabels(timeZone).hour(atMillis)).toBe(format.format(atMillis).replace(' ', 'T'))
  },
)

test('the hour that Berlin repeats in autumn has one name, the one it skips in spring has none', () => {
  const { hour, day } = zonedLabels('Europe/Berlin')
  const hours = (from: number) => [0, 1, 2, 3].map((add) => hour(from + add * 3_600_000).slice(11))
  expect(hours(Date.UTC(2026, 9, 24, 23))).toEqual(['01', '02', '02', '03'])
  expect(hours(Date.UTC(2026, 2, 28, 23))).toEqual(['00', '01', '03', '04'])
  expect(day(Date.UTC(2026, 9, 25, 22, 59))).toBe('2026-10-25')
})

test('an hour within which a clock changes is told apart to the millisecond', () => {
  // Lord Howe moves by half an hour, at 15:30 UTC in winter time and 15:00 UTC in summer time.
  const { hour } = zonedLabels('Australia/Lord_Howe')
  expect(hour(Date.UTC(2026, 9, 3, 15, 29, 59, 999))).toBe('2026-10-04T01')
  expect(hour(Date.UTC(2026, 9, 3, 15, 30))).toBe('2026-10-04T02')
})

test('an unknown time zone is a RangeError', () => {
  expect(() => zonedLabels('Mars/Olympus')).toThrow(RangeError)
})
