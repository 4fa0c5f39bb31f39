import { headerValue, type AnthropicErrorType, type UpstreamReply } from '@sluice/core'
import type { ErrorReading } from '../reply/error-reply.ts'

/** Exceptions whose message may quote the request that was signed, session token and all. */
const credentialExceptions: ReadonlySet<string> = new Set([
  'ExpiredTokenException',
  'ExpiredToken',
  'IncompleteSignature',
  'IncompleteSignatureException',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'MissingAuthenticationToken',
  'MissingAuthenticationTokenException',
  'SignatureDoesNotMatch',
  'UnrecognizedClientException',
])

/** How AWS says what went wrong: a message in JSON, and the exception's name in a header. */
export const bedrockErrors: ErrorReading = {
  upstream: 'Bedrock',
  messageOf: (body) => {
    const { message, Message } = (typeof body === 'object' && body !== null ? body : {}) as { readonly message?: unknown; readonly Message?: unknown }
    return [message, Message].find((text) => typeof text === 'string')
  },
  isAboutCredential: (reply) => credentialExceptions.has(exceptionOf(reply) ?? ''),
}

/** `ThrottlingException:http://internal…` names the exception before the colon. */
function exceptionOf({ headers }: UpstreamReply): string | undefined {
  return headerValue(headers, 'x-amzn-errortype')?.split(':', 1)[0]?.trim()
}

/** Exceptions that a stream may end with, and what they are to a client of the Messages API. */
const streamExceptions: Readonly<Record<string, AnthropicErrorType>> = {
  internalServerException: 'api_error',
  modelStreamErrorException: 'api_error',
  modelTimeoutException: 'timeout_error',
  serviceUnavailableException: 'overloaded_error',
  throttlingException: 'rate_limit_error',
  validationException: 'invalid_request_error',
  accessDeniedException: 'permission_error',
}

/** The error type of an exception within a stream, whichever its first letter's case. */
export function streamErrorType(exception: string): AnthropicErrorType {
  const name = exception.charAt(0).toLowerCase() + exception.slice(1)
  return Object.hasOwn(streamExceptions, name) ? (streamExceptions[name] as AnthropicErrorType) : 'api_error'
}
