import type { AnthropicErrorType } from '../errors.ts'
import { toBytes } from '../wire/bytes.ts'

/** The only frames that the gateway ever writes itself, in the API's own form, so that every SDK reads them. */

/** Keeps intermediaries and clients awake. Exactly the API's: an empty or untyped ping breaks SDKs. */
export const pingFrame: Uint8Array = toBytes('event: ping\ndata: {"type": "ping"}\n\n')

/** The Anthropic error envelope (https://docs.claude.com/en/api/errors) as JSON text, which holds no raw line break. */
export function errorEnvelope(type: AnthropicErrorType, message: string, requestId: string): string {
  return JSON.stringify({ type: 'error', error: { type, message }, request_id: requestId })
}

/** A stream's last frame when it cannot end well. */
export function errorFrame(type: AnthropicErrorType, message: string, requestId: string): Uint8Array {
  return toBytes(`event: error\ndata: ${errorEnvelope(type, message, requestId)}\n\n`)
}
