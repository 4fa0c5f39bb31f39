import { toText } from './bytes.ts'

/**
 * Finds the top-level members of a JSON object in bytes, without parsing or copying what is inside them.
 * It is what lets a gateway read `model` from a megabyte, and replace it, while every other byte stays the client's own.
 *
 * It is a scanner, not a validator: brackets and strings are matched, the grammar of numbers and literals is the upstream's to judge.
 */
export interface TopLevelMember {
  /** The key with its escapes resolved. */
  readonly key: string
  /** First byte of the value. */
  readonly start: number
  /** One past the last byte of the value. */
  readonly end: number
}

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const colon = 0x3a
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d

/** What a scan found; `problem` says where the bytes stop being a JSON object. */
export type JsonScan =
  | { readonly kind: 'object'; readonly members: readonly TopLevelMember[] }
  | { readonly kind: 'not-an-object' }
  | { readonly kind: 'malformed'; readonly at: number; readonly problem: string }

/** Scans a JSON object's top level. A leading UTF-8 byte order mark and duplicate keys are accepted; members come in document order. */
export function scanTopLevel(bytes: Uint8Array): JsonScan {
  let at = skipSpace(bytes, bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0)
  if (at >= bytes.length) return malformed(at, 'the body is empty')
  if (bytes[at] !== openBrace) return { kind: 'not-an-object' }
  const members: TopLevelMember[] = []
  at = skipSpace(bytes, at + 1)
  if (bytes[at] === closeBrace) return trailing(bytes, at + 1, members)
  for (;;) {
    if (bytes[at] !== quote) return malformed(at, 'a key in double quotes is missing')
    const keyEnd = stringEnd(bytes, at)
    if (keyEnd === -1) return malformed(at, 'a key is not closed')
    const key = readString(bytes, at, keyEnd)
    if (key === undefined) return malformed(at, 'a key has a bad escape')
    at = skipSpace(bytes, keyEnd)
    if (bytes[at] !== colon) return malformed(at, 'a colon is missing after a key')
    const start = skipSpace(bytes, at + 1)
    const end = valueEnd(bytes, start)
    if (end === -1) return malformed(start, 'a value is missing or not closed')
    members.push({ key, start, end })
    at = skipSpace(bytes, end)
    if (bytes[at] === closeBrace) return trailing(bytes, at + 1, members)
    if (bytes[at] !== comma) return malformed(at, 'a comma or closing brace is missing')
    at = skipSpace(bytes, at + 1)
  }
}

function trailing(bytes: Uint8Array, from: number, members: readonly TopLevelMember[]): JsonScan {
  const at = skipSpace(bytes, from)
  return at < bytes.length ? malformed(at, 'there is text after the closing brace') : { kind: 'object', members }
}

function malformed(at: number, problem: string): JsonScan {
  return { kind: 'malformed', at, problem }
}

function skipSpace(bytes: Uint8Array, from: number): number {
  let at = from
  for (;;) {
    const byte = bytes[at]
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at
    at += 1
  }
}

/** One past the closing quote of the string that opens at `start`, or -1. */
function stringEnd(bytes: Uint8Array, start: number): number {
  let at = start + 1
  for (;;) {
    const close = bytes.indexOf(quote, at)
    if (close === -1) return -1
    // A quote counts when an even number of backslashes stands before it; runs of backslashes are short, so look back.
    let back = close - 1
    while (back > start && bytes[back] === backslash) back -= 1
    if ((close - back) % 2 === 1) return close + 1
    at = close + 1
  }
}

function valueEnd(bytes: Uint8Array, start: number): number {
  const first = bytes[start]
  if (first === quote) return stringEnd(bytes, start)
  if (first === openBrace || first === openBracket) return bracketEnd(bytes, start)
  let at = start
  for (; at < bytes.length; at += 1) {
    const byte = bytes[at] as number
    if (byte === comma || byte === closeBrace || byte === closeBracket || byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) break
    if (byte === quote || byte === colon || byte === openBrace || byte === openBracket) return -1
  }
  return at === start ? -1 : at
}

function bracketEnd(bytes: Uint8Array, start: number): number {
  let depth = 0
  const length = bytes.length
  for (let at = start; at < length; ) {
    const byte = bytes[at] as number
    if (byte === quote) {
      at = stringEnd(bytes, at)
      if (at === -1) return -1
      continue
    }
    // Both brackets and both braces differ from their closing partner by 2, and 0x20 folds [ into {.
    const folded = byte | 0x20
    if (folded === openBrace) depth += 1
    else if (folded === closeBrace) {
      depth -= 1
      if (depth === 0) return at + 1
    }
    at += 1
  }
  return -1
}

/** The string value in `bytes[start, end)` with quotes, escapes resolved; undefined where it is not a JSON string. */
export function readString(bytes: Uint8Array, start: number, end: number): string | undefined {
  if (bytes[start] !== quote) return undefined
  const raw = bytes.subarray(start + 1, end - 1)
  if (raw.indexOf(backslash) === -1) return toText(raw)
  return parseJson(bytes.subarray(start, end)) as string | undefined
}

/** The parsed value of some JSON bytes; undefined where they are not JSON. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(toText(bytes))
  } catch {
    return undefined
  }
}
