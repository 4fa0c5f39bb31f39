import type { Attribution } from '../entry/attribution.ts'
import type { EstimateFacts } from '../meter/estimate.ts'
import type { Principal } from '../ports/key-ring.ts'
import { toText } from '../wire/bytes.ts'
import { RequestBody } from './request-body.ts'

/** Context that estimates go by, where middleware has added it. */
export interface EstimateContext {
  readonly attribution?: Attribution
  readonly principal?: Principal
}

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

/** A number or short string takes no more. */
const mostBytes = 64

/** Reads from a request what its estimate goes by. */
export function estimateFacts(body: RequestBody, { attribution, principal }: EstimateContext, at: number): EstimateFacts {
  const maxTokens = body.value('max_tokens', mostBytes)
  const speed = body.value('speed', mostBytes)
  const inferenceGeo = body.value('inference_geo', mostBytes)
  const session = attribution?.session?.value
  return {
    ...(principal !== undefined && { tenant: principal.keyId }),
    model: body.string('model') ?? 'unknown',
    kind: attribution?.kind.value ?? 'other',
    conversation: session === undefined ? undefined : JSON.stringify([principal?.keyId, session, attribution?.agent?.value]),
    bytes: body.length,
    maxTokens: typeof maxTokens === 'number' && Number.isSafeInteger(maxTokens) && maxTokens > 0 ? maxTokens : undefined,
    ...(typeof speed === 'string' && { speed }),
    ...(typeof inferenceGeo === 'string' && { inferenceGeo }),
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
