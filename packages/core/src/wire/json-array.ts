import { readString } from './json-scan.ts'

/**
 * Walks arrays and objects inside JSON bytes, one pass, without parsing what the visitor does not ask for.
 * Like `json-scan.ts`, it matches brackets and strings and leaves the grammar to the upstream. Malformed bytes end a walk; nothing throws.
 */

/** Told where a value starts; returns one past its last byte (see {@link valueEnd}), or -1 to end the walk. */
export type ValueVisitor = (start: number) => number

/** A {@link ValueVisitor} of an object's members. */
export type MemberVisitor = (key: string, start: number) => number

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const colon = 0x3a
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d

const maxShortBytes = 32

/** Visits the elements of the array at `start`. Returns one past its closing bracket, or -1 where the walk ended early. */
export function walkArray(bytes: Uint8Array, start: number, visit: ValueVisitor): number {
  if (bytes[start] !== openBracket) return -1
  let at = skipSpace(bytes, start + 1)
  if (bytes[at] === closeBracket) return at + 1
  for (;;) {
    const end = visit(at)
    if (end <= at) return -1
    at = skipSpace(bytes, end)
    if (bytes[at] === closeBracket) return at + 1
    if (bytes[at] !== comma) return -1
    at = skipSpace(bytes, at + 1)
  }
}

/** Visits the members of the object at `start`, in document order. Returns one past its closing brace, or -1 where the walk ended early. */
export function walkObject(bytes: Uint8Array, start: number, visit: MemberVisitor): number {
  if (bytes[start] !== openBrace) return -1
  let at = skipSpace(bytes, start + 1)
  if (bytes[at] === closeBrace) return at + 1
  for (;;) {
    if (bytes[at] !== quote) return -1
    const keyEnd = stringEnd(bytes, at)
    const key = keyEnd === -1 ? undefined : readShortString(bytes, at, keyEnd)
    if (key === undefined) return -1
    at = skipSpace(bytes, keyEnd)
    if (bytes[at] !== colon) return -1
    at = skipSpace(bytes, at + 1)
    const end = visit(key, at)
    if (end <= at) return -1
    at = skipSpace(bytes, end)
    if (bytes[at] === closeBrace) return at + 1
    if (bytes[at] !== comma) return -1
    at = skipSpace(bytes, at + 1)
  }
}

/** One past the last byte of the value at `start`; -1 where it is missing or not closed. */
export function valueEnd(bytes: Uint8Array, start: number): number {
  const first = bytes[start]
  if (first === quote) return stringEnd(bytes, start)
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
      // A closing bracket of the surrounding value ends a number or a literal.
      if (depth === 0) return at > start ? at : -1
      depth -= 1
      if (depth === 0) return at + 1
    } else if (depth === 0 && (byte === comma || isSpace(byte))) return at > start ? at : -1
    at += 1
  }
  return -1
}

/**
 * Start of the object or array that ends before `end`, reading backwards; -1 where something else stands there or it opens before the bytes do.
 * Exact for well-formed JSON: outside a string a quote closes one, and inside it every quote has an odd number of backslashes before it.
 */
export function bracketStart(bytes: Uint8Array, end: number): number {
  let depth = 0
  for (let at = end - 1; at >= 0; at -= 1) {
    const byte = bytes[at] as number
    if (byte === quote) {
      at = openingQuote(bytes, at)
      if (at === -1) return -1
    } else if (byte === closeBrace || byte === closeBracket) depth += 1
    else if (byte === openBrace || byte === openBracket) {
      depth -= 1
      if (depth === 0) return at
      if (depth < 0) return -1
    }
    if (depth === 0) return -1
  }
  return -1
}

/** Like {@link readString}, several times faster for a short text of plain ASCII, as keys and types are. */
export function readShortString(bytes: Uint8Array, start: number, end: number): string | undefined {
  if (end - start > maxShortBytes || bytes[start] !== quote) return readString(bytes, start, end)
  let text = ''
  for (let at = start + 1; at < end - 1; at += 1) {
    const byte = bytes[at] as number
    if (byte >= 0x80 || byte === backslash) return readString(bytes, start, end)
    text += String.fromCharCode(byte)
  }
  return text
}

/** Index past the last byte before `end` that is no white space. */
export function trimSpaceEnd(bytes: Uint8Array, end: number): number {
  let at = end
  while (at > 0 && isSpace(bytes[at - 1])) at -= 1
  return at
}

function openingQuote(bytes: Uint8Array, closing: number): number {
  let at = closing
  for (;;) {
    at = at === 0 ? -1 : bytes.lastIndexOf(quote, at - 1)
    if (at === -1) return -1
    let back = at - 1
    while (back >= 0 && bytes[back] === backslash) back -= 1
    if ((at - back) % 2 === 1) return at
  }
}

function stringEnd(bytes: Uint8Array, start: number): number {
  let at = start + 1
  for (;;) {
    const close = bytes.indexOf(quote, at)
    if (close === -1) return -1
    let back = close - 1
    while (back > start && bytes[back] === backslash) back -= 1
    if ((close - back) % 2 === 1) return close + 1
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
