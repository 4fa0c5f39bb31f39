import type { TransportFailurePhase } from '@sluice/core'

/** Codes of errors before anything was sent: Node's, then Bun's. */
const connectCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ConnectionRefused',
  'FailedToOpenSocket',
  'DNSResolutionFailed',
])

/**
 * Whether a failed `fetch` sent anything. The standard does not say; runtimes do, each in its own way: Node and Bun by codes, Deno in words.
 * What is not known to have failed before is taken as sent, because a repeat could then be a second call.
 */
export function failurePhase(cause: unknown): TransportFailurePhase {
  for (let error: unknown = cause, depth = 0; error instanceof Error && depth < 4; error = error.cause, depth += 1) {
    const { code } = error as { readonly code?: unknown }
    if (typeof code === 'string' && connectCodes.has(code)) return 'connect'
    if (/client error \(Connect\)|dns error|connect\(\): /i.test(error.message)) return 'connect'
  }
  return 'sent'
}
