/** A source of numbers in [0, 1), as `Math.random`. */
export type RandomSource = () => number

/**
 * A repeatable source of numbers: the same seed always yields the same ids, signatures and chunk sizes.
 * The generator is mulberry32: 32 bits of state, one multiplication a draw, good enough for test data.
 */
export function seededRandom(seed: number): RandomSource {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

function base58(random: RandomSource, length: number): string {
  let text = ''
  for (let index = 0; index < length; index += 1) text += BASE58[Math.floor(random() * 58)]
  return text
}

/**
 * An id in the form the API mints: `msg_01…`, `toolu_01…`, `srvtoolu_01…`, `msgbatch_01…` carry 22 base58
 * characters after the version digits; `req_011C…` and `file_011C…` carry 20 (seen in recorded traffic of 2025-26).
 */
export function mintId(prefix: string, random: RandomSource = Math.random): string {
  return prefix === 'req' || prefix === 'file' ? `${prefix}_011C${base58(random, 20)}` : `${prefix}_01${base58(random, 22)}`
}

/** A thinking-block signature: opaque base64 that starts with `E`, as the API's do, sized like a short one. */
export function mintSignature(random: RandomSource = Math.random, length = 228): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  let text = 'E'
  const body = Math.max(8, length - (length % 4)) - 4
  for (let index = 0; index < body; index += 1) text += alphabet[Math.floor(random() * 64)]
  // The last sextet of one encoded byte has four zero bits.
  return `${text}${'AQgw'[Math.floor(random() * 4)] ?? 'A'}==`
}

/** A random UUID-shaped text, for opaque fields such as the organisation id. */
export function mintUuid(random: RandomSource = Math.random): string {
  const hex = (count: number): string => Array.from({ length: count }, () => Math.floor(random() * 16).toString(16)).join('')
  return `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`
}
