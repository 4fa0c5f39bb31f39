import type { RateClaim, RateResult } from '../ports/rate-book.ts'

/** A bucket as a store keeps it, as it was when somebody last took from it. Plain data; one that is not kept is full. */
export interface RateBucket {
  /**
   * What was taken and has not filled up again, times `perMillis`: in these units `capacity` fill up each millisecond, so every level is a whole number
   * and nothing drifts. More than `capacity * perMillis` where the bucket is in debt.
   */
  readonly missing: bigint
  readonly capacity: number
  readonly perMillis: number
  /** Milliseconds since the epoch. */
  readonly at: number
}

/**
 * A bucket at a later instant, filled up at the speed it was kept with, and from there on of the claim's size and speed. A clock that went back changes nothing.
 * What a change of the period does not divide is rounded against the taker.
 */
export function bucketAt(kept: RateBucket | undefined, { capacity, perMillis }: Pick<RateClaim, 'capacity' | 'perMillis'>, at: number): RateBucket {
  if (kept === undefined) return { missing: 0n, capacity, perMillis, at }
  const filled = BigInt(Math.max(0, at - kept.at)) * BigInt(kept.capacity)
  const missing = kept.missing > filled ? kept.missing - filled : 0n
  const scaled = kept.perMillis === perMillis ? missing : divideUp(missing * BigInt(perMillis), BigInt(kept.perMillis))
  return { missing: scaled, capacity, perMillis, at: Math.max(at, kept.at) }
}

/** A bucket after a take or a charge of so much; a negative amount gives back, up to the capacity. */
export function bucketAfter(bucket: RateBucket, amount: number): RateBucket {
  const missing = bucket.missing + BigInt(amount) * BigInt(bucket.perMillis)
  return { ...bucket, missing: missing > 0n ? missing : 0n }
}

/** What is left, rounded down; negative in debt. */
export function bucketRemaining({ missing, capacity, perMillis }: RateBucket): number {
  return Number(BigInt(capacity) - divideUp(missing, BigInt(perMillis)))
}

/** How a bucket, brought to the instant `at` by {@link bucketAt}, answers a claim. `remaining` is as it stands: nothing is taken here. */
export function bucketAnswer(bucket: RateBucket, amount: number, at: number): RateResult {
  const size = BigInt(bucket.capacity) * BigInt(bucket.perMillis)
  const lacking = bucket.missing + BigInt(amount) * BigInt(bucket.perMillis) - size
  const remaining = bucketRemaining(bucket)
  if (lacking <= 0n) return { isAllowed: true, remaining, retryAfterMillis: 0 }
  if (amount > bucket.capacity || bucket.capacity === 0) return { isAllowed: false, remaining, retryAfterMillis: Infinity }
  return { isAllowed: false, remaining, retryAfterMillis: bucket.at - at + Number(divideUp(lacking, BigInt(bucket.capacity))) }
}

/** When a bucket is full again if nobody takes from it, milliseconds since the epoch, rounded up: it may be forgotten from then on. Infinity for one that never fills. */
export function bucketFullAt({ missing, capacity, at }: RateBucket): number {
  if (missing === 0n) return at
  return capacity === 0 ? Infinity : at + Number(divideUp(missing, BigInt(capacity)))
}

function divideUp(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor
}
