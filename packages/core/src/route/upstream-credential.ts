import { ConfigurationError, GatewayError } from '../errors.ts'
import { Secret } from '../secret.ts'
import { presentedCredentials } from '../wire/credentials.ts'
import { headerValues, type HeaderList } from '../wire/header-list.ts'

/** How requests to an upstream are authenticated. Exactly one of the gateway's and the client's credential crosses, never both. */
export interface UpstreamCredential {
  readonly mode: 'swap' | 'passthrough' | 'split'
  /**
   * The credential headers to send to `hostname`.
   * @throws GatewayError where the client's credential may not go there
   */
  readonly headersFor: (clientHeaders: HeaderList, hostname: string) => HeaderList
}

/** Header of the gateway's own key in `split` mode, where the client's credential is meant for the upstream. */
export const gatewayKeyHeader = 'x-sluice-key'

/** Prefix of the OAuth access tokens that Claude Code holds after `/login`. */
const oauthPrefix = 'sk-ant-oat'

/** The gateway holds the key; whatever the client presented ends here. OAuth tokens go as a bearer, keys as `x-api-key`. */
export function swapCredential(key: string | Secret): UpstreamCredential {
  const secret = typeof key === 'string' ? new Secret(key) : key
  if (!/^[\x21-\x7e]+$/.test(secret.reveal()))
    throw new ConfigurationError('upstream credential', 'the key is empty or has characters that no header can carry.')
  const headers = (): HeaderList =>
    secret.reveal().startsWith(oauthPrefix) ? [['authorization', `Bearer ${secret.reveal()}`]] : [['x-api-key', secret.reveal()]]
  return { mode: 'swap', headersFor: headers }
}

const leftToDialect: UpstreamCredential = Object.freeze({ mode: 'swap', headersFor: () => [] })

/** For an upstream whose dialect authenticates by itself, with a signature or a token: whatever the client presented ends here. */
export function dialectCredential(): UpstreamCredential {
  return leftToDialect
}

export function isDialectCredential(credential: UpstreamCredential): boolean {
  return credential === leftToDialect
}

/** Where the client's own credential may go. */
export interface PassthroughOptions {
  /** Hosts that may receive the client's API key. @defaultValue ['api.anthropic.com'] */
  readonly keyHosts?: readonly string[]
  /** Hosts that may receive the client's OAuth token, which is good for more than this API. @defaultValue ['api.anthropic.com'] */
  readonly oauthHosts?: readonly string[]
}

/** The client's own key or OAuth token goes on as it came, to the pinned hosts only. */
export function passthroughCredential(options: PassthroughOptions = {}): UpstreamCredential {
  return { mode: 'passthrough', headersFor: pinned(options) }
}

/** Like passthrough, with the gateway's own key in its own header ({@link gatewayKeyHeader}), which ends here. */
export function splitCredential(options: PassthroughOptions = {}): UpstreamCredential {
  return { mode: 'split', headersFor: pinned(options) }
}

function pinned({ keyHosts = ['api.anthropic.com'], oauthHosts = ['api.anthropic.com'] }: PassthroughOptions): UpstreamCredential['headersFor'] {
  return (clientHeaders, hostname) => {
    const credentials = presentedCredentials(clientHeaders)
    if (credentials.length === 0) {
      throw new GatewayError(
        'missing-credential',
        "This gateway passes on the client's own Anthropic credential, and the request has none. Set ANTHROPIC_API_KEY, or sign in.",
      )
    }
    const gatewayKeys = headerValues(clientHeaders, gatewayKeyHeader)
    for (const { value } of credentials) {
      if (gatewayKeys.includes(value)) {
        throw new GatewayError(
          'ambiguous-credential',
          `The request carries the key of its ${gatewayKeyHeader} header as its Anthropic credential too. Send the Anthropic one there: the gateway's key does not leave it.`,
        )
      }
      const isOauth = value.startsWith(oauthPrefix)
      if (!(isOauth ? oauthHosts : keyHosts).includes(hostname)) {
        throw new GatewayError(
          'credential-not-allowed',
          `This gateway does not pass ${isOauth ? 'an OAuth token' : 'a client key'} on to its upstream. Use a key of the gateway's, or ask its operator to allow the host.`,
        )
      }
    }
    // Only what was looked at above: an Authorization of another form was not.
    return clientHeaders.filter((header) => ['x-api-key', 'authorization'].includes(header[0].toLowerCase()) && presentedCredentials([header]).length > 0)
  }
}

/** The gateway credentials of a request under a credential mode: those in the gateway's own header, or in the usual ones. */
export function gatewayCredentials(headers: HeaderList, mode: UpstreamCredential['mode']): readonly string[] {
  const own = headerValues(headers, gatewayKeyHeader)
  if (mode === 'split' || own.length > 0) return own
  return presentedCredentials(headers).map(({ value }) => value)
}
