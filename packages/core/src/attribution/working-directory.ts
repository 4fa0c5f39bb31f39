import type { RequestBody } from '../exchange/request-body.ts'
import { hasBytesAt, indexOfBytes, toBytes } from '../wire/bytes.ts'
import { parseJson } from '../wire/json-scan.ts'
import { literal, opensWith } from './literals.ts'
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
  const leading = leadingMessages(body, 2, leadingBytes)
  return ofSystemMessages(body, leading) ?? ofSystemPrompt(body) ?? ofReminders(body, leading)
}

/** The directory wherever the client states it again, as after a compaction. Dearer: reads up to a quarter of a megabyte. */
export function restatedWorkingDirectoryOf(body: RequestBody): string | undefined {
  const messages = leadingMessages(body, anywhereCount, anywhereBytes)
  return ofSystemMessages(body, messages) ?? ofReminders(body, messages)
}

/** The directory of the client's notes on the repository, as its system prompt names it. */
export function memoryDirectoryOf(body: RequestBody): string | undefined {
  const member = body.member('system')
  if (member === undefined) return undefined
  const end = Math.min(member.end, member.start + memoryBytes)
  const at = find(body.bytes, memoryText, { start: member.start, end })
  const start = at + memoryText.length
  return at === -1 ? undefined : textAt(body.bytes, start, body.bytes.subarray(0, Math.min(end, start + maxPathBytes)).indexOf(backtick, start))
}

function ofSystemMessages({ bytes }: RequestBody, messages: readonly MessageView[]): string | undefined {
  for (const [index, { role, texts }] of messages.entries()) {
    if (role !== 'system') continue
    for (const span of texts) {
      // At the start of a conversation nothing foreign stands before it; after a compaction files that were read do, and it comes last.
      const at = index < 2 ? find(bytes, environmentText, span) : findLast(bytes, environmentText, span)
      if (at !== -1) return pathAt(bytes, at + environmentText.length, span.end)
    }
  }
  return undefined
}

function ofReminders({ bytes }: RequestBody, messages: readonly MessageView[]): string | undefined {
  for (const { role, texts } of messages) {
    if (role !== 'user') continue
    for (const { start, end } of texts) {
      if (hasBytesAt(bytes, start, reminderText)) return pathAt(bytes, start + reminderText.length, end)
    }
  }
  return undefined
}

function ofSystemPrompt(body: RequestBody): string | undefined {
  const member = body.member('system')
  if (member === undefined) return undefined
  const { bytes } = body
  const span = { start: member.start, end: Math.min(member.end, member.start + systemBytes) }
  for (const text of [environmentText, olderText]) {
    const at = find(bytes, text, span)
    if (at !== -1) return pathAt(bytes, at + text.length, span.end)
  }
  const bare = span.end - span.start > bareBytes ? -1 : find(bytes, bareBlock, span)
  if (bare === -1) return undefined
  const start = bare + bareBlock.length
  return opensWith(bytes, pathEnd(bytes, start, span.end), [bareDate]) ? pathAt(bytes, start, span.end) : undefined
}

function find(bytes: Uint8Array, text: Uint8Array, { start, end }: TextSpan): number {
  const at = indexOfBytes(bytes.subarray(start, end), text)
  return at === -1 ? -1 : start + at
}

function findLast(bytes: Uint8Array, text: Uint8Array, { start, end }: TextSpan): number {
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
