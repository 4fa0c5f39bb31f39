/**
 * CRC-32 (ISO-HDLC: zlib's, PNG's) in plain JavaScript, for runtimes without a native one.
 * Slicing by eight: eight table look-ups replace eight dependent steps (Intel, "Slicing-by-8", 2006).
 */
const tables: readonly Int32Array[] = buildTables()

function buildTables(): readonly Int32Array[] {
  const built = Array.from({ length: 8 }, () => new Int32Array(256))
  const first = built[0] as Int32Array
  for (let value = 0; value < 256; value += 1) {
    let rest = value
    for (let bit = 0; bit < 8; bit += 1) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1
    first[value] = rest
  }
  for (let table = 1; table < 8; table += 1) {
    const before = built[table - 1] as Int32Array
    const here = built[table] as Int32Array
    for (let value = 0; value < 256; value += 1) {
      const rest = before[value] as number
      here[value] = (rest >>> 8) ^ (first[rest & 0xff] as number)
    }
  }
  return built
}

const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array]

/** Continues a CRC-32 over `bytes`; start with 0. The result is an unsigned 32-bit integer. */
export function crc32(bytes: Uint8Array, previous = 0): number {
  let sum = ~previous
  let at = 0
  for (const last = bytes.length - 8; at <= last; at += 8) {
    const low = sum ^ ((bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24))
    sum =
      (t7[low & 0xff] as number) ^
      (t6[(low >>> 8) & 0xff] as number) ^
      (t5[(low >>> 16) & 0xff] as number) ^
      (t4[low >>> 24] as number) ^
      (t3[bytes[at + 4] as number] as number) ^
      (t2[bytes[at + 5] as number] as number) ^
      (t1[bytes[at + 6] as number] as number) ^
      (t0[bytes[at + 7] as number] as number)
  }
  for (; at < bytes.length; at += 1) sum = (sum >>> 8) ^ (t0[(sum ^ (bytes[at] as number)) & 0xff] as number)
  return ~sum >>> 0
}
