const nanoPerUsd = 1_000_000_000n
const nanoPerMicro = 1_000n

/**
 * Nano-USD as dollars, exactly computed: at least two decimals, at most six, half a micro-dollar rounded up.
 * An amount that would round to nothing is shown as less than the smallest: a cost is never shown as zero.
 */
export function dollars(nanoUsd: bigint): string {
  const sign = nanoUsd < 0n ? '-' : ''
  const nano = nanoUsd < 0n ? -nanoUsd : nanoUsd
  const micros = (nano + nanoPerMicro / 2n) / nanoPerMicro
  if (micros === 0n && nano > 0n) return `${sign}<$0.000001`
  const text = (micros % 1_000_000n)
    .toString()
    .padStart(6, '0')
    .replace(/0{1,4}$/, '')
  return `${sign}$${micros / 1_000_000n}.${text}`
}

/** Nano-USD as a plain decimal with all nine places, for machines. */
export function usdDecimal(nanoUsd: bigint): string {
  const sign = nanoUsd < 0n ? '-' : ''
  const nano = nanoUsd < 0n ? -nanoUsd : nanoUsd
  return `${sign}${nano / nanoPerUsd}.${(nano % nanoPerUsd).toString().padStart(9, '0')}`
}

/** Dollars as people write them (`5`, `0.25`, `1234.567890123`) in nano-USD, exactly; undefined for anything else. */
export function toNanoUsd(text: string): bigint | undefined {
  const [, whole, part = ''] = /^(\d{1,12})(?:\.(\d{1,9}))?$/.exec(text) ?? []
  return whole === undefined ? undefined : BigInt(whole) * nanoPerUsd + BigInt(part.padEnd(9, '0'))
}
