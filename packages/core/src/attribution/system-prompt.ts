import type { RequestBody } from '../exchange/request-body.ts'
import { valueEnd, walkArray, walkObject } from '../wire/json-array.ts'
import { readString } from '../wire/json-scan.ts'
import { literals, opensWith } from './literals.ts'

/** What the first blocks of a system prompt say. */
export interface SystemPrompt {
  /** Claude Code's billing block, `x-anthropic-billing-header: cc_version=…; cc_entrypoint=…;`, where there is one. */
  readonly billing?: string
  /** True where Claude Code introduces itself. */
  readonly isClaudeCode: boolean
  /** Where in the body the text of the first block starts that is neither billing nor introduction: it tells what the request is for. */
  readonly opening?: number
}

const billingOpening = literals('x-anthropic-billing-header:')
const introductions = literals("You are Claude Code, Anthropic's official CLI", 'You are a Claude agent, built on')
const maxBillingBytes = 1024
/** A longer block that opens like an introduction is a whole prompt. */
const maxIntroductionBytes = 200
const quote = 0x22

/** Reads the head of the system prompt, and stops at the first block that says what the request is for: the rest is never looked at. */
export function readSystemPrompt(body: RequestBody): SystemPrompt {
  const { bytes } = body
  const start = body.member('system')?.start
  if (start === undefined) return { isClaudeCode: false }
  let billing: string | undefined
  let isClaudeCode = false
  let opening: number | undefined
  /** Returns the end of a text that is billing or introduction, and -1 at any other. */
  const visitText = (at: number): number => {
    if (bytes[at] !== quote) return valueEnd(bytes, at)
    if (opensWith(bytes, at + 1, billingOpening)) {
      const end = valueEnd(bytes, at)
      if (end !== -1 && end - at <= maxBillingBytes) billing ??= readString(bytes, at, end)
      return end
    }
    if (opensWith(bytes, at + 1, introductions)) {
      isClaudeCode = true
      const close = bytes.subarray(at + 1, at + 1 + maxIntroductionBytes).indexOf(quote)
      if (close !== -1) return at + close + 2
    }
    opening = at + 1
    return -1
  }
  if (bytes[start] === quote) visitText(start)
  else walkArray(bytes, start, (block) => walkObject(bytes, block, (key, at) => (key === 'text' ? visitText(at) : valueEnd(bytes, at))))
  return { isClaudeCode: isClaudeCode || billing !== undefined, ...(billing !== undefined && { billing }), ...(opening !== undefined && { opening }) }
}
