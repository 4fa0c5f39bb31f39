import type { RequestBody } from '../exchange/request-body.ts'
import { hasBytesAt, indexOfBytes, indexOfInParts, toBytes } from '../wire/bytes.ts'
import { parseJson } from '../wire/json-scan.ts'
import { literal } from './literals.ts'
import { leadingMessages, type MessageView, type TextSpan } from './messages.ts'

/**
 * Where Claude Code states the directory it works in. The same words may stand in any file, prompt or tool result, so only places that the client
 * itself fills are read: messages of the role `system`, the system prompt, and user blocks that open as the client's own reminder.
 */
const environment = '# Environment\nYou have been invoked in the following environment: \n - Primary working directory: '
const environmentText = literal(environment)
const reminderText = literal(`<system-reminder>\n${environment}`)
const olderText = literal('<env>\nWorking directory: ')
const bareBlock = toBytes('"text":"CWD: ')
const bareDate = literal('\nDate: ')
const memoryText = literal('You have a persistent file-based memory at `')

const leadingBytes = 128 * 1024
const systemBytes = 256 * 1024
const memoryBytes = 64 * 1024
/** `--bare` sends hardly any system prompt. */
const bareBytes = 8 * 1024
const anywhereBytes = 256 * 1024
const anywhereCount = 64
const maxPathBytes = 4096

const backslash = 0x5c
const quote = 0x22
const backtick = 0x60

/** The directory from the places where it nearly always stands: the first two messages and the system prompt. Hardest to forge first. */
export function workingDirectoryOf(body: RequestBody): string | undefined {
  const leading = statingMessages(body, 2, leadingBytes)
  return ofSystemMessages(leading) ?? ofSystemPrompt(body) ?? ofReminders(leading)
}

/** The directory wherever the client states it again, as after a compaction. Dearer: reads up to a quarter of a megabyte. */
export function restatedWorkingDirectoryOf(body: RequestBody): string | undefined {
  const messages = statingMessages(body, anywhereCount, anywhereBytes)
  return ofSystemMessages(messages) ?? ofReminders(messages)
}

/** The directory of the client's notes on the repository, as its system prompt names it. */
export function memoryDirectoryOf(body: RequestBody): string | undefined {
  const member = body.member('system')
  if (member === undefined) return undefined
  const end = Math.min(member.end, member.start + memoryBytes)
  const at = indexOfInParts(body.parts(member.start, end), memoryText)
  if (at === -1) return undefined
  const start = member.start + at + memoryText.length
  const window = body.range(start, Math.min(end, start + maxPathBytes))
  return textAt(window, 0, window.indexOf(backtick))
}

/** The leading messages; none where the environment is stated nowhere near them, which a search tells that copies nothing. */
function statingMessages(body: RequestBody, count: number, windowBytes: number): readonly MessageView[] {
  const member = body.member('messages')
  if (member === undefined) return []
  const parts = body.parts(member.start, Math.min(member.end, member.start + windowBytes))
  return indexOfInParts(parts, environmentText) === -1 ? [] : leadingMessages(body, count, windowBytes)
}

function ofSystemMessages(messages: readonly MessageView[]): string | undefined {
  for (const [index, { role, texts }] of messages.entries()) {
    if (role !== 'system') continue
    for (const span of texts) {
      // At the start of a conversation nothing foreign stands before it; after a compaction files that were read do, and it comes last.
      const at = index < 2 ? find(span, environmentText) : findLast(span, environmentText)
      if (at !== -1) return pathAt(span.bytes, at + environmentText.length, span.end)
    }
  }
  return undefined
}

function ofReminders(messages: readonly MessageView[]): string | undefined {
  for (const { role, texts } of messages) {
    if (role !== 'user') continue
    for (const { bytes, start, end } of texts) {
      if (hasBytesAt(bytes, start, reminderText)) return pathAt(bytes, start + reminderText.length, end)
    }
  }
  return undefined
}

function ofSystemPrompt(body: RequestBody): string | undefined {
  const member = body.member('system')
  if (member === undefined) return undefined
  const { start } = member
  const end = Math.min(member.end, start + systemBytes)
  const parts = body.parts(start, end)
  for (const text of [environmentText, olderText]) {
    const at = indexOfInParts(parts, text)
    if (at === -1) continue
    const path = start + at + text.length
    return pathAt(body.range(path, path + maxPathBytes + 2), 0, end - path)
  }
  return end - start > bareBytes ? undefined : ofBarePrompt(body.range(start, end))
}

function ofBarePrompt(bytes: Uint8Array): string | undefined {
  const at = indexOfBytes(bytes, bareBlock)
  if (at === -1) return undefined
  const start = at + bareBlock.length
  const end = pathEnd(bytes, start, bytes.length)
  return end !== undefined && hasBytesAt(bytes, end, bareDate) ? textAt(bytes, start, end) : undefined
}

function find({ bytes, start, end }: TextSpan, text: Uint8Array): number {
  const at = indexOfBytes(bytes.subarray(start, end), text)
  return at === -1 ? -1 : start + at
}

function findLast({ bytes, start, end }: TextSpan, text: Uint8Array): number {
  const window = bytes.subarray(start, end)
  let last = -1
  for (let at = indexOfBytes(window, text); at !== -1; at = indexOfBytes(window, text, at + text.length)) last = at
  return last === -1 ? -1 : start + last
}

function pathAt(bytes: Uint8Array, start: number, limit: number): string | undefined {
  return textAt(bytes, start, pathEnd(bytes, start, limit) ?? -1)
}

/** A piece of a JSON string, its escapes resolved. */
function textAt(bytes: Uint8Array, start: number, end: number): string | undefined {
  if (end <= start) return undefined
  const quoted = new Uint8Array(end - start + 2).fill(quote)
  quoted.set(bytes.subarray(start, end), 1)
  const path = parseJson(quoted)
  return typeof path === 'string' ? path : undefined
}

/** A path ends at the escaped line break, or with the text. Undefined where it is longer than any path. */
function pathEnd(bytes: Uint8Array, start: number, limit: number): number | undefined {
  for (let at = start; at - start <= maxPathBytes; at += 1) {
    if (at >= limit || bytes[at] === quote) return at
    if (bytes[at] !== backslash) continue
    if (bytes[at + 1] === 0x6e || bytes[at + 1] === 0x72) return at
    at += 1
  }
  return undefined
}
