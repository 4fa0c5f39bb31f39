import type { RequestBody } from '../exchange/request-body.ts'
import { indexOfInParts, toBytes } from '../wire/bytes.ts'
import { messageSpans, type MessageSpans } from './json-spans.ts'

/** What a request asks of a model beyond plain text: what models accept differently. */
export interface RequestShape {
  readonly maxTokens: number | undefined
  /** Type of `thinking`; undefined where the request has none. */
  readonly thinking: string | undefined
  readonly hasEffort: boolean
  readonly hasDeferredTools: boolean
  /** It sets `temperature`, `top_p` or `top_k`. */
  readonly hasSampling: boolean
  /** Undefined where they cannot be read, or stand there twice. */
  readonly messages: MessageSpans | undefined
}

/** `thinking`, `output_config` and the like are short; what is longer is read as none of them. */
const shortBytes = 64 * 1024

/** Reads a request's shape. Walks its messages once, without parsing them. */
export function shapeOf(body: RequestBody): RequestShape {
  const maxTokens = body.value('max_tokens', 64)
  const tools = body.member('tools')
  const messages = body.members('messages')
  const [only] = messages
  return {
    maxTokens: typeof maxTokens === 'number' ? maxTokens : undefined,
    thinking: textAt(body.value('thinking', shortBytes), 'type'),
    hasEffort: fieldOf(body.value('output_config', shortBytes), 'effort') !== undefined,
    hasDeferredTools: tools !== undefined && indexOfInParts(body.parts(tools.start, tools.end), deferLoading) !== -1,
    hasSampling: samplingKeys.some((key) => body.member(key) !== undefined),
    messages: messages.length > 1 ? undefined : messageSpans(only === undefined ? body.range(0, 0) : body.range(only.start, only.end)),
  }
}

export const samplingKeys: readonly string[] = ['temperature', 'top_p', 'top_k']

const deferLoading = toBytes('"defer_loading"')
const thinkingMarks = ['"thinking"', '"redacted_thinking"'].map(toBytes)
const assistantMark = toBytes('"assistant"')

/**
 * True where the history may hold thinking, which its model signed. Looks for the bare words as strings of their own: in quoted text their quotes are escaped,
 * so the only mistake is to see thinking where a tool's input has a field of that name, and then a session stays where it is.
 */
export function hasSignedThinking(body: RequestBody): boolean {
  return thinkingMarks.some((mark) => isInMessages(body, mark))
}

/** True where an assistant has spoken before: the conversation did not begin with this request. */
export function hasHistory(body: RequestBody): boolean {
  return isInMessages(body, assistantMark)
}

function isInMessages(body: RequestBody, mark: Uint8Array): boolean {
  return body.members('messages').some(({ start, end }) => indexOfInParts(body.parts(start, end), mark) !== -1)
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>)[key] : undefined
}

function textAt(value: unknown, key: string): string | undefined {
  const field = fieldOf(value, key)
  return typeof field === 'string' ? field : undefined
}
