import type { EstimateFacts } from '../meter/estimate.ts'
import { toText } from '../wire/bytes.ts'
import type { EstimateContext } from './estimates.ts'
import { RequestBody } from './request-body.ts'
import { requestSize } from './request-size.ts'

/**
 * Sources whose bytes are not in the body, and pages, of which each is tokens however few bytes it has:
 * https://docs.claude.com/en/docs/build-with-claude/files, URL sources of images and documents, PDF. A member that is named `url` is none.
 */
const references = /:\s*"(?:url|application\/pdf)"|"file_id"/i
/** What all of them have, and most prompts have not: found in half the time. */
const mayRefer = /"(?:url|application\/pdf|file_id)"/i
const pictures = /:\s*"image"/g
/** The largest picture is scaled down to some 4,800. */
const pictureTokens = 5_000
/** How JSON may write a letter, or a slash, in another way. */
const escapes = /\\(?:u00([2-7][0-9a-f])|\/)/gi

/** Gathers what the estimate of a request goes by, but for its prompt. */
export function estimateFacts(body: RequestBody, { attribution, principal }: EstimateContext, at: number): EstimateFacts {
  const session = attribution?.session?.value
  return {
    ...requestSize(body),
    ...(principal !== undefined && { tenant: principal.keyId }),
    kind: attribution?.kind.value ?? 'other',
    conversation: session === undefined ? undefined : JSON.stringify([principal?.keyId, session, attribution?.agent?.value]),
    at,
  }
}

/** Tokens that a prompt may have beyond one for each byte of its body: those of pictures; Infinity where it names files or pages. */
export function unseenTokens(body: RequestBody): number {
  const raw = RequestBody.glance(body, () => toText(body.range(0, body.length)))
  const isEscaped = raw.includes('\\u00') || raw.includes('\\/') || raw.includes('\\U00')
  const text = isEscaped ? raw.replace(escapes, (_, code?: string) => (code === undefined ? '/' : String.fromCharCode(Number.parseInt(code, 16)))) : raw
  if (mayRefer.test(text) && references.test(text)) return Infinity
  return text.includes('"image"') ? pictureTokens * (text.match(pictures)?.length ?? 0) : 0
}
