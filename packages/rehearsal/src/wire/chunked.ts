import { seededRandom } from './ids.ts'
import { joinBytes } from './sse.ts'

/**
 * How the bytes of a stream are cut into writes: all at once, one a frame, one a byte, pieces of `n` bytes, or pieces
 * of seeded random size from 1 to 64.
 */
export type Chunking = 'whole' | 'frame' | 'byte' | number | { readonly random: number }

/** Re-cuts frames without changing a byte; whatever the cut, the parts join to the same stream. */
export function chunked(frames: readonly Uint8Array[], how: Chunking): Uint8Array[] {
  if (how === 'frame') return [...frames]
  const bytes = joinBytes(frames)
  if (how === 'whole') return [bytes]
  if (how === 'byte') return cut(bytes, () => 1)
  if (typeof how === 'number') return cut(bytes, () => Math.max(1, Math.floor(how)))
  const random = seededRandom(how.random)
  return cut(bytes, () => 1 + Math.floor(random() * 64))
}

function cut(bytes: Uint8Array, next: () => number): Uint8Array[] {
  const parts: Uint8Array[] = []
  for (let start = 0; start < bytes.length;) {
    const end = Math.min(bytes.length, start + next())
    parts.push(bytes.subarray(start, end))
    start = end
  }
  return parts
}
