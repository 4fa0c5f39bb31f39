import { toText } from '../wire/bytes.ts'

/** What a base64 attachment comes to. */
export type AttachmentSize = { readonly kind: 'picture'; readonly tokens: number } | { readonly kind: 'document'; readonly pages: number }

/** https://docs.claude.com/en/docs/build-with-claude/vision: a picture's longer side is scaled down to this, and 750 pixels are a token. */
const longestSide = 1_568
const pixelsPerToken = 750
const mostPictureTokens = 1_600
/** Where a picture does not say its size in its first bytes. */
const usualPictureTokens = 1_000
/** Of a picture, dimensions stand within these. */
const headBytes = 96 * 1024
/** A document's list of pages stands near its end, or, in small ones, anywhere. */
const documentBytes = 256 * 1024
/** Where its list of pages is compressed. */
const bytesPerPage = 60_000

const digits = new Uint8Array(256)
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
for (let value = 0; value < alphabet.length; value += 1) digits[alphabet.charCodeAt(value)] = value

const starts: readonly (readonly [string, (bytes: Uint8Array, at: number, end: number) => AttachmentSize])[] = [
  ['iVBOR', (bytes, at, end) => picture(pngSize(decode(bytes, at, Math.min(end, at + 64))))],
  ['R0lGOD', (bytes, at, end) => picture(gifSize(decode(bytes, at, Math.min(end, at + 64))))],
  ['UklGR', (bytes, at, end) => picture(webpSize(decode(bytes, at, Math.min(end, at + 64))))],
  ['/9j/', (bytes, at, end) => picture(jpegSize(decode(bytes, at, Math.min(end, at + headBytes))))],
  ['JVBERi', documentPages],
]

/** What the base64 text in `bytes[start, end)` is, by its first letters; undefined where it is no attachment that is known: then it may be plain text. Bounded work. */
export function attachmentSize(bytes: Uint8Array, start: number, end: number): AttachmentSize | undefined {
  const opening = toText(bytes.subarray(start, Math.min(end, start + 8))).replaceAll('\\/', '/')
  return starts.find(([letters]) => opening.startsWith(letters))?.[1](bytes, start, end)
}

type Size = readonly [width: number, height: number] | undefined

function picture(size: Size): AttachmentSize {
  if (size === undefined || size[0] <= 0 || size[1] <= 0) return { kind: 'picture', tokens: usualPictureTokens }
  const scale = Math.min(1, longestSide / Math.max(...size))
  return { kind: 'picture', tokens: Math.min(mostPictureTokens, Math.ceil((size[0] * scale * size[1] * scale) / pixelsPerToken)) }
}

/** Letters that are none of base64's, such as escaped slashes' backslashes, are left out. */
function decode(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const decoded = new Uint8Array(Math.ceil(((end - start) * 3) / 4) + 3)
  let length = 0
  let held = 0
  let bits = 0
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at] as number
    if (byte === 0x5c || byte === 0x3d) continue
    held = ((held << 6) | (digits[byte] as number)) & 0xffff
    bits += 6
    if (bits < 8) continue
    bits -= 8
    decoded[length] = (held >> bits) & 0xff
    length += 1
  }
  return decoded.subarray(0, length)
}

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

function pngSize(bytes: Uint8Array): Size {
  return bytes.length < 24 ? undefined : [view(bytes).getUint32(16), view(bytes).getUint32(20)]
}

function gifSize(bytes: Uint8Array): Size {
  return bytes.length < 10 ? undefined : [view(bytes).getUint16(6, true), view(bytes).getUint16(8, true)]
}

function webpSize(bytes: Uint8Array): Size {
  if (bytes.length < 30) return undefined
  const kind = toText(bytes.subarray(12, 16))
  const read = view(bytes)
  if (kind === 'VP8X') return [1 + (read.getUint32(24, true) & 0xffffff), 1 + (read.getUint32(26, true) >>> 8)]
  if (kind === 'VP8L') return [1 + (read.getUint32(21, true) & 0x3fff), 1 + ((read.getUint32(21, true) >>> 14) & 0x3fff)]
  return [read.getUint16(26, true) & 0x3fff, read.getUint16(28, true) & 0x3fff]
}

/** Walks a JPEG's segments to the first that holds its size (ITU-T T.81, B.2.2). */
function jpegSize(bytes: Uint8Array): Size {
  const read = view(bytes)
  for (let at = 2; at + 9 < bytes.length && bytes[at] === 0xff;) {
    const kind = bytes[at + 1] as number
    const isFrame = kind >= 0xc0 && kind <= 0xcf && kind !== 0xc4 && kind !== 0xc8 && kind !== 0xcc
    if (isFrame) return [read.getUint16(at + 7), read.getUint16(at + 5)]
    at += 2 + read.getUint16(at + 2)
  }
  return undefined
}

function documentPages(bytes: Uint8Array, start: number, end: number): AttachmentSize {
  // Whole groups of four letters, so that the end decodes as the middle of a text does.
  const from = start + Math.max(0, Math.floor((end - start - documentBytes) / 4) * 4)
  const text = toText(decode(bytes, from, end))
  let most = 0
  for (const [, count] of text.matchAll(/\/Count\s{1,4}(\d{1,5})/g)) most = Math.max(most, Number(count))
  return { kind: 'document', pages: most > 0 ? most : Math.max(1, Math.round(((end - start) * 3) / 4 / bytesPerPage)) }
}
