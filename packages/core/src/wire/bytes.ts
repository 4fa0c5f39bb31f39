const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

export const emptyBytes: Uint8Array = new Uint8Array(0)

/** UTF-8 bytes of a text; a lone surrogate becomes U+FFFD, so never use it to pass on what a client sent. */
export function toBytes(text: string): Uint8Array {
  return encoder.encode(text)
}

/** Up to this many bytes, letters are put together here: a call of the decoder costs more. */
const fewBytes = 12

/** Text of UTF-8 bytes; malformed sequences become U+FFFD. For reading only. */
export function toText(bytes: Uint8Array): string {
  if (bytes.length > fewBytes) return decoder.decode(bytes)
  let text = ''
  for (const byte of bytes) {
    if (byte > 0x7f) return decoder.decode(bytes)
    text += String.fromCharCode(byte)
  }
  return text
}

/** One array of many; a single chunk is returned as it is, without a copy. */
export function concatBytes(chunks: readonly Uint8Array[], totalBytes: number): Uint8Array {
  if (chunks.length === 1) return chunks[0] as Uint8Array
  const whole = new Uint8Array(totalBytes)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}

/** Index of `needle` in `bytes[from, to)`, or -1. Skips with the engine's own byte search. */
export function indexOfBytes(bytes: Uint8Array, needle: Uint8Array, from = 0, to: number = bytes.length): number {
  const first = needle[0] as number
  const last = to - needle.length
  for (let at = bytes.indexOf(first, from); at !== -1 && at <= last; at = bytes.indexOf(first, at + 1)) {
    let matched = 1
    while (matched < needle.length && bytes[at + matched] === needle[matched]) matched += 1
    if (matched === needle.length) return at
  }
  return -1
}

/** Like {@link indexOfBytes} in the parts as if they were one array, without joining them: `needle` may begin in one and end in another. */
export function indexOfInParts(parts: readonly Uint8Array[], needle: Uint8Array): number {
  let before = 0
  for (const [index, part] of parts.entries()) {
    const within = indexOfBytes(part, needle)
    if (within !== -1) return before + within
    for (let at = Math.max(0, part.length - needle.length + 1); at < part.length; at += 1) {
      if (hasBytesAcross(parts, index, at, needle)) return before + at
    }
    before += part.length
  }
  return -1
}

function hasBytesAcross(parts: readonly Uint8Array[], index: number, start: number, needle: Uint8Array): boolean {
  let at = start
  let part = index
  for (const byte of needle) {
    while (at === parts[part]?.length) {
      part += 1
      at = 0
    }
    if (parts[part]?.[at] !== byte) return false
    at += 1
  }
  return true
}

/** True where `needle` stands at `at`. */
export function hasBytesAt(bytes: Uint8Array, at: number, needle: Uint8Array): boolean {
  if (at < 0 || at + needle.length > bytes.length) return false
  for (let index = 0; index < needle.length; index += 1) if (bytes[at + index] !== needle[index]) return false
  return true
}
