import { zoneOffset } from '../ledger/zoned-labels.ts'

/** Where in its week a zone's clocks stand. */
export interface ZoneTime {
  /** 0 is Monday. */
  readonly day: number
  readonly minute: number
}

/** Offsets change at whole quarters of an hour only. */
const quarterMillis = 900_000
const minuteMillis = 60_000

/**
 * The clock of a zone. Asks `Intl` once a quarter of an hour, since that takes longer than all rules together.
 *
 * @throws RangeError for an unknown time zone
 */
export function zoneClock(timeZone: string): (at: number) => ZoneTime {
  const offsetAt = zoneOffset(timeZone)
  let known = NaN
  let offset = 0
  return (at) => {
    const quarter = Math.floor(at / quarterMillis)
    if (quarter !== known) {
      offset = offsetAt(quarter * quarterMillis)
      known = quarter
    }
    const minutes = Math.floor((at + offset) / minuteMillis)
    const days = Math.floor(minutes / 1_440)
    // The epoch was a Thursday.
    return { day: (((days + 3) % 7) + 7) % 7, minute: minutes - days * 1_440 }
  }
}
