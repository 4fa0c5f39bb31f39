import type { Attribution } from '../entry/attribution.ts'
import type { EstimateFacts } from '../meter/estimate.ts'
import type { Principal } from '../ports/key-ring.ts'
import { indexOfInParts, toBytes } from '../wire/bytes.ts'
import { RequestBody } from './request-body.ts'

/** Context that estimates go by, where middleware has added it. */
export interface EstimateContext {
  readonly attribution?: Attribution
  readonly principal?: Principal
}

/** Sources whose bytes are not in the body: https://docs.claude.com/en/docs/build-with-claude/files and URL sources of images and documents. */
const references: readonly Uint8Array[] = ['"type":"url"', '"type": "url"', '"file_id"'].map(toBytes)

/** A number or short string takes no more. */
const mostBytes = 64

/** Reads from a request what its estimate goes by. */
export function estimateFacts(body: RequestBody, { attribution, principal }: EstimateContext, at: number): EstimateFacts {
  const maxTokens = body.value('max_tokens', mostBytes)
  const speed = body.value('speed', mostBytes)
  const inferenceGeo = body.value('inference_geo', mostBytes)
  const session = attribution?.session?.value
  return {
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

/** True where the prompt may be larger than the body: it names files or pages. */
export function hasReferences(body: RequestBody): boolean {
  return RequestBody.glance(body, () => references.some((text) => indexOfInParts(body.chunks, text) !== -1))
}
