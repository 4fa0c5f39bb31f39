/**
 * Finds the parts of objects and arrays in JSON bytes, without parsing what is inside them. Brackets and strings are matched, as core's scan has done before;
 * what is malformed has no parts, so nothing in it is changed.
 */

/** Where something stands: `start` is its first byte, `end` one past its last. Of a member that is its key's first byte and its value's end. */
export interface Item {
  readonly start: number
  readonly end: number
}

/** A member of an object. */
export interface Member extends Item {
  readonly key: string
  readonly valueStart: number
}

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const colon = 0x3a
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** The members of the object at `start`; undefined where none stands there. */
export function membersAt(bytes: Uint8Array, start: number): readonly Member[] | undefined {
  if (bytes[start] !== openBrace) return undefined
  const members: Member[] = []
  const end = walk(bytes, start, closeBrace, (at) => {
    if (bytes[at] !== quote) return -1
    const keyEnd = stringEnd(bytes, at)
    if (keyEnd === -1) return -1
    const colonAt = skipSpace(bytes, keyEnd)
    if (bytes[colonAt] !== colon) return -1
    const valueStart = skipSpace(bytes, colonAt + 1)
    const valueIsAt = valueEnd(bytes, valueStart)
    const key = valueIsAt === -1 ? undefined : textAt(bytes, at, keyEnd)
    if (key === undefined) return -1
    members.push({ key, start: at, valueStart, end: valueIsAt })
    return valueIsAt
  })
  return end === -1 ? undefined : members
}

/** The elements of the array at `start`; undefined where none stands there. */
export function elementsAt(bytes: Uint8Array, start: number): readonly Item[] | undefined {
  if (bytes[start] !== openBracket) return undefined
  const elements: Item[] = []
  const end = walk(bytes, start, closeBracket, (at) => {
    const itsEnd = valueEnd(bytes, at)
    if (itsEnd !== -1) elements.push({ start: at, end: itsEnd })
    return itsEnd
  })
  return end === -1 ? undefined : elements
}

/** The text of the JSON string in `bytes[start, end)`; undefined where it is none. */
export function textAt(bytes: Uint8Array, start: number, end: number): string | undefined {
  if (bytes[start] !== quote) return undefined
  const text = decoder.decode(bytes.subarray(start + 1, end - 1))
  if (!text.includes('\\')) return text
  try {
    return JSON.parse(`"${text}"`) as string
  } catch {
    return undefined
  }
}

/** Visits what stands between the brackets; `visit` returns where its item ends, or -1. Returns one past the closing bracket, or -1. */
function walk(bytes: Uint8Array, start: number, close: number, visit: (at: number) => number): number {
  let at = skipSpace(bytes, start + 1)
  if (bytes[at] === close) return at + 1
  for (;;) {
    const end = visit(at)
    if (end === -1) return -1
    at = skipSpace(bytes, end)
    if (bytes[at] === close) return at + 1
    if (bytes[at] !== comma) return -1
    at = skipSpace(bytes, at + 1)
  }
}

function valueEnd(bytes: Uint8Array, start: number): number {
  if (bytes[start] === quote) return stringEnd(bytes, start)
  let depth = 0
  for (let at = start; at < bytes.length;) {
    const byte = bytes[at] as number
    if (byte === quote) {
      at = stringEnd(bytes, at)
      if (at === -1) return -1
      continue
    }
    if (byte === openBrace || byte === openBracket) depth += 1
    else if (byte === closeBrace || byte === closeBracket) {
      // A bracket of what surrounds it ends a number or a literal.
      if (depth === 0) return at > start ? at : -1
      depth -= 1
      if (depth === 0) return at + 1
    } else if (depth === 0 && (byte === comma || isSpace(byte))) return at > start ? at : -1
    at += 1
  }
  return -1
}

function stringEnd(bytes: Uint8Array, start: number): number {
  for (let at = start + 1; ;) {
    const close = bytes.indexOf(quote, at)
    if (close === -1) return -1
    let back = close
    while (bytes[back - 1] === backslash && back - 1 > start) back -= 1
    if ((close - back) % 2 === 0) return close + 1
    at = close + 1
  }
}

function skipSpace(bytes: Uint8Array, from: number): number {
  let at = from
  while (isSpace(bytes[at])) at += 1
  return at
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}
