/** Up to this many bytes are copied into one part with what frames them: that costs less than writing three, and keeps nothing else alive. */
const mostCopiedBytes = 32 * 1024

const lineEnd: Uint8Array = Buffer.from('\r\n')

/** What ends a body in the chunked coding, without trailers (RFC 9112 §7.1). */
export const lastChunk: Uint8Array = Buffer.from('0\r\n\r\n')

const lineEndAndLastChunk: Uint8Array = Buffer.concat([lineEnd, lastChunk])

/**
 * One chunk of the chunked transfer coding (RFC 9112 §7.1) that holds some bytes, as the parts to write; with the body's end after it where it is the last.
 *
 * @param bytes - of all `parts` together; more than 0, since a chunk of none would end the body
 */
export function chunkOf(parts: readonly Uint8Array[], bytes: number, isLast: boolean): readonly Uint8Array[] {
  const size = `${bytes.toString(16)}\r\n`
  const after = isLast ? lineEndAndLastChunk : lineEnd
  if (bytes > mostCopiedBytes) return [Buffer.from(size, 'latin1'), ...parts, after]
  const whole = Buffer.allocUnsafe(size.length + bytes + after.length)
  let at = whole.write(size, 'latin1')
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  whole.set(after, at)
  return [whole]
}
