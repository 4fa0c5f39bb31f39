import type { Ledger, ReportDimension } from '../../ports/ledger.ts'
import { reportOracle } from '../report-oracle.ts'
import { sampleEntries } from '../sample-entries.ts'
import { sampleEntry } from '../sample-entry.ts'
import { assertEqual, assertRejects } from './assertions.ts'
import type { StoreCase } from './contract.ts'

const minute = 60_000
const halfHour = 30 * minute

/** One exchange every half hour from an instant, and how many a report finds under each label. */
async function countByLabel(
  ledger: Ledger,
  dimension: ReportDimension & ('hour' | 'day'),
  timeZone: string,
  from: number,
  halfHours: number,
): Promise<Readonly<Record<string, number>>> {
  await Promise.all(Array.from({ length: halfHours }, (_, index) => ledger.append(sampleEntry({ startedAt: from + index * halfHour }))))
  const rows = await ledger.report({ groupBy: [dimension], timeZone })
  return Object.fromEntries(rows.map(({ group, exchanges }) => [String(group[dimension]), exchanges]))
}

/** Hours and days, as the clock on the wall shows them. */
export const calendarCases: readonly StoreCase<Ledger>[] = [
  {
    name: 'hours and days are those of UTC unless a time zone is asked for',
    check: async (ledger) => {
      await ledger.append(sampleEntry({ startedAt: Date.UTC(2026, 10, 24, 23, 59, 59, 999) }))
      await ledger.append(sampleEntry({ startedAt: Date.UTC(2026, 10, 25), parts: [{ costNanoUsd: 1n }] }))
      const rows = await ledger.report({ groupBy: ['day', 'hour'] })
      assertEqual(
        rows.map(({ group }) => group),
        [
          { day: '2026-11-24', hour: '2026-11-24T23' },
          { day: '2026-11-25', hour: '2026-11-25T00' },
        ],
        'groups',
      )
    },
  },
  {
    name: 'the day that Berlin sets its clocks back has 25 hours, two of them under one name',
    check: async (ledger) => {
      const counts = await countByLabel(ledger, 'hour', 'Europe/Berlin', Date.UTC(2026, 9, 24, 22), 50)
      assertEqual(
        [Object.keys(counts).length, counts['2026-10-25T01'], counts['2026-10-25T02'], counts['2026-10-25T03'], counts['2026-10-25T23']],
        [24, 2, 4, 2, 2],
        'labels, and exchanges at 01, 02, 03 and 23',
      )
    },
  },
  {
    name: 'the day that Berlin sets its clocks back is one day',
    check: async (ledger) => {
      assertEqual(
        await countByLabel(ledger, 'day', 'Europe/Berlin', Date.UTC(2026, 9, 24, 21, 30), 52),
        { '2026-10-24': 1, '2026-10-25': 50, '2026-10-26': 1 },
        'exchanges a day',
      )
    },
  },
  {
    name: 'the day that Berlin sets its clocks forward has 23 hours, and none called 02',
    check: async (ledger) => {
      const counts = await countByLabel(ledger, 'hour', 'Europe/Berlin', Date.UTC(2026, 2, 28, 23), 46)
      assertEqual(
        [Object.keys(counts).length, counts['2026-03-29T01'], counts['2026-03-29T02'], counts['2026-03-29T03'], counts['2026-03-29T23']],
        [23, 2, undefined, 2, 2],
        'labels, and exchanges at 01, 02, 03 and 23',
      )
    },
  },
  {
    name: 'New York changes its clocks on its own days, and its day starts at its own midnight',
    check: async (ledger) => {
      assertEqual(
        await countByLabel(ledger, 'day', 'America/New_York', Date.UTC(2026, 2, 8, 4, 30), 48),
        { '2026-03-07': 1, '2026-03-08': 46, '2026-03-09': 1 },
        'exchanges a day in March',
      )
      assertEqual(
        (await ledger.report({ groupBy: ['hour'], timeZone: 'America/New_York', since: Date.UTC(2026, 2, 8, 6, 30), until: Date.UTC(2026, 2, 8, 7, 30) })).map(
          ({ group }) => group.hour,
        ),
        ['2026-03-08T01', '2026-03-08T03'],
        'hours around the change',
      )
    },
  },
  {
    name: 'Kolkata, half an hour off, has its hours start at half past of UTC',
    check: async (ledger) => {
      const counts = await countByLabel(ledger, 'hour', 'Asia/Kolkata', Date.UTC(2026, 10, 24, 18), 4)
      assertEqual(counts, { '2026-11-24T23': 1, '2026-11-25T00': 2, '2026-11-25T01': 1 }, 'exchanges an hour')
    },
  },
  {
    name: 'exchanges around clock changes fall into the hours that the wall clock of each zone shows',
    check: async (ledger) => {
      const entries = sampleEntries(21, 150)
      await Promise.all(entries.map((entry) => ledger.append(entry)))
      for (const timeZone of ['Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Asia/Kathmandu', 'Australia/Lord_Howe']) {
        for (const groupBy of [['hour'], ['day', 'model']] as const)
          assertEqual(await ledger.report({ groupBy, timeZone }), reportOracle(entries, { groupBy, timeZone }), `by ${groupBy.join(' and ')} in ${timeZone}`)
      }
    },
  },
  {
    name: 'a report takes exchanges from since on, and until but not at until',
    check: async (ledger) => {
      const [since, until] = [Date.UTC(2026, 10, 24), Date.UTC(2026, 10, 25)]
      for (const startedAt of [since - 1, since, until - 1, until]) await ledger.append(sampleEntry({ startedAt }))
      const count = async (range: object): Promise<number | undefined> => (await ledger.report({ groupBy: [], ...range }))[0]?.exchanges
      assertEqual(
        [await count({ since, until }), await count({ since }), await count({ until }), await count({ since: until, until: since })],
        [2, 3, 3, undefined],
        'exchanges in the range, since, until, and in an empty range',
      )
    },
  },
  {
    name: 'a time zone that does not exist is refused with a RangeError, whatever is grouped by',
    check: async (ledger) => {
      for (const timeZone of ['Mars/Olympus', "Europe/Berlin'; --", '']) {
        for (const groupBy of [['hour'], []] as const) {
          await assertRejects(
            Promise.resolve().then(() => ledger.report({ groupBy, timeZone })),
            'RangeError',
            `the time zone "${timeZone}"`,
          )
        }
      }
    },
  },
]
