/**
 * Three error families, told apart by who must act:
 * {@link ConfigurationError} (the developer, at build), {@link GatewayError} (the client, in the reply), {@link Fault} (the operator, never the client).
 */

const gatewayErrorMarker: symbol = Symbol.for('sluice.GatewayError')
const configurationErrorMarker: symbol = Symbol.for('sluice.ConfigurationError')

/** Error types of the Messages API envelope (https://docs.claude.com/en/api/errors), which clients switch on. */
export type AnthropicErrorType =
  | 'invalid_request_error'
  | 'authentication_error'
  | 'permission_error'
  | 'billing_error'
  | 'not_found_error'
  | 'request_too_large'
  | 'rate_limit_error'
  | 'api_error'
  | 'timeout_error'
  | 'overloaded_error'

/** What went wrong, for programs. A closed union: a new code is a minor release. */
export type GatewayErrorCode =
  | 'bad-request-target'
  | 'unknown-route'
  | 'unsupported-encoding'
  | 'unsupported-content-type'
  | 'malformed-body'
  | 'body-too-large'
  | 'missing-credential'
  | 'invalid-credential'
  | 'ambiguous-credential'
  | 'credential-not-allowed'
  | 'keys-unavailable'
  | 'refused'
  | 'stopped'
  | 'outside-region'
  | 'unknown-model'
  | 'budget-exceeded'
  | 'budget-unavailable'
  | 'ledger-unavailable'
  | 'policy-unavailable'
  | 'rate-limited'
  | 'upstream-unreachable'
  | 'upstream-timeout'
  | 'upstream-broke'
  | 'upstream-redirected'
  | 'shutting-down'
  | 'internal'

const statusAndType: Readonly<Record<GatewayErrorCode, readonly [number, AnthropicErrorType]>> = {
  'bad-request-target': [400, 'invalid_request_error'],
  'unknown-route': [404, 'not_found_error'],
  'unsupported-encoding': [415, 'invalid_request_error'],
  'unsupported-content-type': [415, 'invalid_request_error'],
  'malformed-body': [400, 'invalid_request_error'],
  'body-too-large': [413, 'request_too_large'],
  'missing-credential': [401, 'authentication_error'],
  'invalid-credential': [401, 'authentication_error'],
  'ambiguous-credential': [401, 'authentication_error'],
  'credential-not-allowed': [403, 'permission_error'],
  'keys-unavailable': [503, 'api_error'],
  refused: [403, 'permission_error'],
  stopped: [403, 'permission_error'],
  'outside-region': [403, 'permission_error'],
  'unknown-model': [403, 'permission_error'],
  'budget-exceeded': [429, 'billing_error'],
  'budget-unavailable': [503, 'api_error'],
  'ledger-unavailable': [503, 'api_error'],
  'policy-unavailable': [503, 'api_error'],
  'rate-limited': [429, 'rate_limit_error'],
  'upstream-unreachable': [502, 'api_error'],
  'upstream-timeout': [504, 'timeout_error'],
  'upstream-broke': [502, 'api_error'],
  'upstream-redirected': [502, 'api_error'],
  'shutting-down': [503, 'overloaded_error'],
  internal: [500, 'api_error'],
}

/** What a {@link GatewayError} may carry beyond its code and message. */
export interface GatewayErrorOptions {
  /** HTTP status; by default the one that belongs to the code. */
  readonly status?: number
  /** Envelope type; by default the one that belongs to the code. */
  readonly type?: AnthropicErrorType
  /** Sent as `retry-after`. */
  readonly retryAfterSeconds?: number
  /** Sent as `x-should-retry`; Claude Code and the official SDKs obey it. */
  readonly shouldRetry?: boolean
  /** Further reply headers, as they are to be sent. */
  readonly headers?: readonly (readonly [string, string])[]
  readonly cause?: unknown
}

/**
 * An answer of the gateway's own to the client: returned, or thrown by a middleware, and rendered in the Anthropic envelope.
 * The message says what happened and what to do; it never holds a secret or prompt text.
 */
export class GatewayError extends Error {
  override readonly name: string = 'GatewayError'
  readonly code: GatewayErrorCode
  readonly status: number
  readonly type: AnthropicErrorType
  readonly retryAfterSeconds: number | undefined
  readonly shouldRetry: boolean | undefined
  readonly headers: readonly (readonly [string, string])[]

  constructor(code: GatewayErrorCode, message: string, options: GatewayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    const [status, type] = statusAndType[code]
    this.code = code
    this.status = options.status ?? status
    this.type = options.type ?? type
    this.retryAfterSeconds = options.retryAfterSeconds
    this.shouldRetry = options.shouldRetry
    this.headers = options.headers ?? []
    Object.defineProperty(this, gatewayErrorMarker, { value: true })
  }

  /** True for a GatewayError of any copy of this package. */
  static is(value: unknown): value is GatewayError {
    return typeof value === 'object' && value !== null && gatewayErrorMarker in value
  }
}

/** The developer must act: an option is wrong. Thrown while a gateway is being built, never per request. */
export class ConfigurationError extends Error {
  override readonly name: string = 'ConfigurationError'
  /** The option's path, as the developer wrote it: `upstreams[0].baseUrl`. */
  readonly option: string

  constructor(option: string, message: string, options: { readonly cause?: unknown } = {}) {
    super(`${option}: ${message}`, options.cause === undefined ? undefined : { cause: options.cause })
    this.option = option
    Object.defineProperty(this, configurationErrorMarker, { value: true })
  }

  /** True for a ConfigurationError of any copy of this package. */
  static is(value: unknown): value is ConfigurationError {
    return typeof value === 'object' && value !== null && configurationErrorMarker in value
  }
}

/**
 * The value of an option that has to be a positive whole number.
 *
 * @throws ConfigurationError where it is none
 */
export function positiveWhole(option: string, value: number): number {
  if (!Number.isSafeInteger(value) || value <= 0) throw new ConfigurationError(option, `${value} is not a positive whole number.`)
  return value
}

/** Which part of the gateway misbehaved. */
export type FaultCode =
  | 'observer-threw'
  | 'observer-stuck'
  | 'settled-callback-threw'
  | 'ledger-append-failed'
  | 'ledger-query-failed'
  | 'ledger-recovered'
  | 'upkeep-failed'
  | 'budget-book-failed'
  | 'budget-book-recovered'
  | 'budget-charge-lost'
  | 'key-ring-failed'
  | 'key-ring-recovered'
  | 'rate-book-failed'
  | 'rate-book-recovered'
  | 'policy-invalid'
  | 'policy-shelf-failed'
  | 'policy-shelf-recovered'
  | 'middleware-threw'
  | 'frame-too-large'
  | 'decoder-failed'
  | 'usage-unreadable'
  | 'unknown-model-price'
  | 'sink-failed'
  | 'estimate-failed'

/** The operator must act. Goes to `host.onFault`; never reaches the client and never stops bytes. */
export interface Fault {
  readonly code: FaultCode
  /** What happened, without secrets or prompt text. */
  readonly message: string
  readonly exchangeId?: string
  /** The plug-in or store concerned. */
  readonly source?: string
  readonly cause?: unknown
}
