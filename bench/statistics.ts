/** The value below which a share of the samples lies (nearest rank). */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((left, right) => left - right)
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? Number.NaN
}

export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5)
}

/** To three places. */
export function rounded(value: number): number {
  return Math.round(value * 1000) / 1000
}

/** A point of a curve. */
export interface Point {
  readonly size: number
  readonly cost: number
}

/** How a cost grows with a size. */
export interface Growth {
  /** The exponent of the power law that fits best: 1 is linear. A fixed cost pulls it down. */
  readonly exponent: number
  /** The exponent between the two largest sizes, where a fixed cost matters least. */
  readonly atTheEnd: number
}

/** Least squares on logarithms. @throws Error with fewer than two points */
export function growthOf(points: readonly Point[]): Growth {
  const logs = points.toSorted((one, other) => one.size - other.size).map(({ size, cost }) => ({ x: Math.log(size), y: Math.log(cost) }))
  const [beforeLast, last] = logs.slice(-2)
  if (beforeLast === undefined || last === undefined) throw new Error('growth needs two points')
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
  const x = mean(logs.map((log) => log.x))
  const y = mean(logs.map((log) => log.y))
  const slope = logs.reduce((sum, log) => sum + (log.x - x) * (log.y - y), 0) / logs.reduce((sum, log) => sum + (log.x - x) ** 2, 0)
  return { exponent: rounded(slope), atTheEnd: rounded((last.y - beforeLast.y) / (last.x - beforeLast.x)) }
}
