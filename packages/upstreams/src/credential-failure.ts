import { GatewayError } from '@sluice/core'

/** The gateway has no credential for its upstream: told to the operator as a fault, and to the client as something that passes. */
export function credentialFailure(upstream: string, cause: unknown): GatewayError {
  return new GatewayError(
    'internal',
    `The gateway could not get its own credential for the upstream "${upstream}". Its operator has been told. Try again in a moment.`,
    {
      status: 503,
      shouldRetry: true,
      retryAfterSeconds: 5,
      cause,
    },
  )
}
