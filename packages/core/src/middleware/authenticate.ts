import { ConfigurationError, GatewayError } from '../errors.ts'
import type { CredentialVerifier, Principal } from '../ports/key-ring.ts'
import { gatewayCredentials, gatewayKeyHeader, type UpstreamCredential } from '../route/upstream-credential.ts'
import { equalInConstantTime } from '../secret.ts'
import { checkKeyMayAsk, watchKey } from './authenticate-key.ts'
import type { GatewayShape, Middleware } from './middleware.ts'

/** What {@link authenticate} adds. */
export interface Authenticated {
  readonly principal: Principal
}

/** Options of {@link authenticate}. */
export interface AuthenticateOptions {
  /** The upstream's credential mode; `split` looks only at the gateway's own header. @defaultValue 'swap' */
  readonly mode?: UpstreamCredential['mode']
}

/** Claude Code repeats a bare 401 eleven times, for three minutes, and one that says this not at all (measured, 2.1.330). */
const hopeless = { shouldRetry: false }

/** A credential longer than this is not looked up. */
const maxCredentialLength = 4096

/**
 * Lets in who presents a credential that `keys` knows, and nobody else. The key may come as `x-api-key`, as a bearer, as both, or in `x-sluice-key`;
 * two keys of different owners are refused. Enforces what the key is bound to: its networks and its models; its upstreams are enforced where the
 * request is sent. Where `keys` can watch, an exchange whose key is withdrawn as leaked is cut.
 */
export function authenticate(keys: CredentialVerifier, options: AuthenticateOptions = {}): Middleware<object, Authenticated> {
  const mode = options.mode ?? 'swap'
  return {
    name: 'authenticate',
    adds: ['principal'],
    check: (gateway) => {
      checkNoKeyIsPassedOn(gateway, mode)
      if (gateway.keyedHash !== undefined) keys.hashWith?.(gateway.keyedHash)
    },
    handle: async (exchange, next) => {
      const presented = gatewayCredentials(exchange.headers, mode)
      if (presented.length === 0) {
        throw new GatewayError(
          'missing-credential',
          mode === 'split'
            ? `This gateway needs its own key in the ${gatewayKeyHeader} header. For Claude Code: ANTHROPIC_CUSTOM_HEADERS="${gatewayKeyHeader}: YOUR_KEY".`
            : 'This gateway needs a key. Set ANTHROPIC_AUTH_TOKEN (or ANTHROPIC_API_KEY) to the one its operator gave you.',
          hopeless,
        )
      }
      let principal: Principal | undefined
      for (const credential of presented) {
        const found = credential.length > maxCredentialLength ? undefined : await keys.verify(credential)
        if (found !== undefined && principal !== undefined && found.keyId !== principal.keyId) {
          throw new GatewayError('ambiguous-credential', 'The request carries two different keys of this gateway. Send one of them.')
        }
        principal ??= found
      }
      if (principal === undefined)
        throw new GatewayError('invalid-credential', 'The key is not known to this gateway. Ask its operator for a new one.', hopeless)
      await checkKeyMayAsk(exchange, principal)
      const end = watchKey(keys, principal, () => exchange.cut(withdrawn()))
      if (end !== undefined) exchange.onSettled(end)
      return next({ principal })
    },
  }
}

/** In swap mode the gateway's key stands where an upstream that is passed the client's credential would be sent it. */
function checkNoKeyIsPassedOn({ upstreams }: GatewayShape, mode: UpstreamCredential['mode']): void {
  const passing = mode === 'swap' ? upstreams.find(({ credentialMode }) => credentialMode !== 'swap') : undefined
  if (passing === undefined) return
  throw new ConfigurationError(
    'authenticate.mode',
    `is "swap", and the upstream "${passing.name}" is sent the client's own credential: it would be sent this gateway's keys. Use authenticate(keys, { mode: 'split' }), or swapCredential() for the upstream.`,
  )
}

function withdrawn(): GatewayError {
  return new GatewayError('invalid-credential', "The key of this request was withdrawn because it leaked. Ask this gateway's operator for a new one.")
}

/** A key given in configuration. */
export interface StaticKey {
  /** Shown in reports; the developer or service that spends. */
  readonly developer: string
  readonly secret: string
}

/**
 * Keys from configuration, for small installations and tests.
 *
 * @throws ConfigurationError for a secret under 16 characters, or one given twice
 */
export function staticKeys(keys: readonly StaticKey[]): CredentialVerifier {
  for (const [index, { secret }] of keys.entries()) {
    if (secret.length < 16) throw new ConfigurationError(`keys[${index}].secret`, `has ${secret.length} characters. Use at least 16, from a random generator.`)
    if (keys.findIndex((key) => key.secret === secret) !== index)
      throw new ConfigurationError(`keys[${index}].secret`, 'is given twice. Every key needs its own secret.')
  }
  return {
    verify: (credential) => {
      let found: Principal | undefined
      // Every key is compared, so that the time does not tell which one came near.
      for (const { developer, secret } of keys) if (equalInConstantTime(credential, secret)) found = { keyId: `static:${developer}`, developer }
      return Promise.resolve(found)
    },
  }
}
