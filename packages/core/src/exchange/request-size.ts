import type { RequestSize } from '../meter/rough-estimate.ts'
import type { RequestBody } from './request-body.ts'

/** A number or short string takes no more. */
const mostBytes = 64

/** Reads from a request how much it asks for, and at what rates. */
export function requestSize(body: RequestBody): RequestSize {
  const maxTokens = body.value('max_tokens', mostBytes)
  const speed = body.value('speed', mostBytes)
  const inferenceGeo = body.value('inference_geo', mostBytes)
  return {
    model: body.string('model') ?? 'unknown',
    bytes: body.length,
    maxTokens: typeof maxTokens === 'number' && Number.isSafeInteger(maxTokens) && maxTokens > 0 ? maxTokens : undefined,
    ...(typeof speed === 'string' && { speed }),
    ...(typeof inferenceGeo === 'string' && { inferenceGeo }),
  }
}
