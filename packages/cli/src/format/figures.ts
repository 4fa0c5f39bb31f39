/** What stands for a figure that is not known. Never 0, which would be a figure. */
export const unknown = '-'

/** A count in full, with thousands separated. */
export function count(value: number): string {
  return value.toString().replace(/\B(?=(?:\d{3})+$)/g, ',')
}

/** A count in at most five characters: 950, 12.3k, 345k, 1.2M. */
export function shortCount(value: number): string {
  for (const [unit, size] of [
    ['G', 1e9],
    ['M', 1e6],
    ['k', 1e3],
  ] as const) {
    // What rounds up to a thousand belongs to the next unit: 999,500 is 1.0M.
    if (value >= size * 0.9995 && value >= 1000) return value < size * 99.95 ? `${(value / size).toFixed(1)}${unit}` : `${Math.round(value / size)}${unit}`
  }
  return value.toString()
}

/** A duration: 85ms, 3.2s, 4m05s, 2h03m. */
export function duration(millis: number | undefined | null): string {
  if (millis === undefined || millis === null) return unknown
  if (millis < 1000) return `${Math.round(millis)}ms`
  if (millis < 59_950) return `${(millis / 1000).toFixed(1)}s`
  const seconds = Math.round(millis / 1000)
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, '0')}s`
  const minutes = Math.round(seconds / 60)
  return `${Math.floor(minutes / 60)}h${String(minutes % 60).padStart(2, '0')}m`
}
