import type { PatchedBody, PatchNote, UpstreamReply } from '@sluice/core'
import type { BodyEdit } from '../json/body-edit.ts'
import type { ModelId } from '../model-ids.ts'
import { withHeaders } from '../reply/reply-headers.ts'
import { wholeReply } from '../reply/whole-reply.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Letters of base64 from so many bytes at a time: a multiple of three, and few enough for one call. */
const pieceBytes = 3 * 8192

/** The id that Bedrock counts a model's tokens by: the model's own, which an inference profile's name (`us.anthropic.…`) holds. Undefined where there is none. */
export function countableId({ id, countTokens }: ModelId): string | undefined {
  if (countTokens !== undefined) return countTokens === false ? undefined : countTokens
  const bare = /(?:^|[./])(anthropic\.[\w.:-]+)$/.exec(id)?.[1]
  return id.startsWith('arn:') && !id.includes('foundation-model/') && !id.includes(':inference-profile/') ? undefined : bare
}

/** Bedrock counts what it would invoke, and that has a limit of tokens to answer with: the least one that is valid. */
export function addTokenLimit(edit: BodyEdit): void {
  if (edit.body.member('max_tokens') !== undefined) return
  const thinking = edit.body.value('thinking', 4096) as { readonly budget_tokens?: unknown } | null | undefined
  edit.set('max_tokens', typeof thinking?.budget_tokens === 'number' ? thinking.budget_tokens + 1 : 1)
}

/** An invocation's body as the body of a count: in base64, as a whole. What the edits before it were is listed first. */
export function asTokenCount(invocation: PatchedBody, bodyBytes: number): PatchedBody {
  const body = encoder.encode(`{"input":{"invokeModel":{"body":"${toBase64(invocation.chunks)}"}}}`)
  const whole: PatchNote = { name: 'bedrock:input', start: 0, end: bodyBytes, insertedBytes: body.length }
  return { chunks: [body], notes: [...invocation.notes, whole] }
}

/** A count as the Messages API says it. */
export function asCountReply(reply: UpstreamReply): UpstreamReply {
  const turn = (bytes: Uint8Array): Uint8Array => {
    const { inputTokens } = JSON.parse(decoder.decode(bytes)) as { readonly inputTokens?: unknown }
    if (typeof inputTokens !== 'number') throw new Error('Bedrock answered a token count without inputTokens')
    return encoder.encode(JSON.stringify({ input_tokens: inputTokens }))
  }
  return { ...reply, headers: withHeaders(reply.headers, ['content-length'], []), body: wholeReply(reply.body, turn) }
}

function toBase64(chunks: readonly Uint8Array[]): string {
  const whole = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  let text = ''
  for (let start = 0; start < whole.length; start += pieceBytes) text += btoa(String.fromCharCode(...whole.subarray(start, start + pieceBytes)))
  return text
}
