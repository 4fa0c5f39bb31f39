import type { RequestBody } from '../exchange/request-body.ts'
import { valueEnd, walkArray, walkObject } from '../wire/json-array.ts'
import { readString } from '../wire/json-scan.ts'
import { literals, opensWith, type TextStart } from './literals.ts'
import { windowsFrom } from './windows.ts'

/** What the first blocks of a system prompt say. */
export interface SystemPrompt {
  /** Claude Code's billing block, `x-anthropic-billing-header: cc_version=…; cc_entrypoint=…;`, where there is one. */
  readonly billing?: string
  /** True where Claude Code introduces itself. */
  readonly isClaudeCode: boolean
  /** The text of the first block that is neither billing nor introduction: it tells what the request is for. */
  readonly opening?: TextStart
}

const billingOpening = literals('x-anthropic-billing-header:')
const introductions = literals("You are Claude Code, Anthropic's official CLI", 'You are a Claude agent, built on')
const maxBillingBytes = 1024
/** A longer block that opens like an introduction is a whole prompt. */
const maxIntroductionBytes = 200
/** As much of a text as anything compares with. */
const maxOpeningBytes = 256
const quote = 0x22

/** Reads the head of the system prompt, and stops at the first block that says what the request is for: the rest is never looked at. */
export function readSystemPrompt(body: RequestBody): SystemPrompt {
  const member = body.member('system')
  let prompt: SystemPrompt = { isClaudeCode: false }
  if (member === undefined) return prompt
  for (const window of windowsFrom(body, member.start, member.end)) {
    const [found, end] = readHead(window)
    prompt = found
    // What the window's end may have cut off is read again from a longer one.
    if (found.opening === undefined ? end !== -1 : found.opening.start + maxOpeningBytes <= window.length) break
  }
  return prompt
}

function readHead(bytes: Uint8Array): readonly [SystemPrompt, end: number] {
  let billing: string | undefined
  let isClaudeCode = false
  let opening: TextStart | undefined
  /** Returns the end of a text that is billing or introduction, and -1 at any other. */
  const visitText = (at: number): number => {
    if (bytes[at] !== quote) return valueEnd(bytes, at)
    const text = { bytes, start: at + 1 }
    if (opensWith(text, billingOpening)) {
      const end = valueEnd(bytes, at)
      if (end !== -1 && end - at <= maxBillingBytes) billing ??= readString(bytes, at, end)
      return end
    }
    if (opensWith(text, introductions)) {
      isClaudeCode = true
      const close = bytes.subarray(at + 1, at + 1 + maxIntroductionBytes).indexOf(quote)
      if (close !== -1) return at + close + 2
    }
    opening = text
    return -1
  }
  const end =
    bytes[0] === quote
      ? visitText(0)
      : walkArray(bytes, 0, (block) => walkObject(bytes, block, (key, at) => (key === 'text' ? visitText(at) : valueEnd(bytes, at))))
  return [{ isClaudeCode: isClaudeCode || billing !== undefined, ...(billing !== undefined && { billing }), ...(opening !== undefined && { opening }) }, end]
}
