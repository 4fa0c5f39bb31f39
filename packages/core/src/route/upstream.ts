import { ConfigurationError } from '../errors.ts'
import type { UpstreamDialect } from '../ports/upstream-dialect.ts'
import type { AcceptEncoding } from './forward-headers.ts'
import { isDialectCredential, type UpstreamCredential } from './upstream-credential.ts'

/** How long each phase of an exchange with an upstream may take, in milliseconds. */
export interface Deadlines {
  /** From the request to the reply's head. Claude Code itself waits 600 s. @defaultValue 900000 */
  readonly headMillis: number
  /** Silence within a reply. @defaultValue 900000 */
  readonly idleMillis: number
}

export const defaultDeadlines: Deadlines = Object.freeze({ headMillis: 900_000, idleMillis: 900_000 })

/** An API that speaks the Messages protocol, as configured. */
export interface UpstreamOptions {
  /** Names it in records. */
  readonly name: string
  /** Scheme, host and an optional path prefix: `https://api.anthropic.com`. */
  readonly baseUrl: string
  readonly credential: UpstreamCredential
  /** @defaultValue 'identity' */
  readonly acceptEncoding?: AcceptEncoding
  /** Sends a ping after so long a silence. For upstreams that send none; Anthropic's API does, and byte identity is the default. @defaultValue never */
  readonly heartbeatMillis?: number
  readonly deadlines?: Partial<Deadlines>
  /**
   * What becomes of a redirect. Clients follow one by themselves, with their request and often with their key: so `refuse` answers an error of the gateway's own in its place.
   * `relay` hands it on, for an upstream that you trust to send your clients elsewhere. The gateway itself follows none. @defaultValue 'refuse'
   */
  readonly redirects?: 'refuse' | 'relay'
  /** The form that the upstream speaks, where it is not the Messages API as it is. @defaultValue none */
  readonly dialect?: UpstreamDialect
}

/** An upstream, checked. */
export interface Upstream {
  readonly name: string
  readonly origin: string
  readonly hostname: string
  /** Path prefix without a trailing slash. */
  readonly basePath: string
  readonly credential: UpstreamCredential
  readonly acceptEncoding: AcceptEncoding
  readonly heartbeatMillis: number | undefined
  readonly deadlines: Deadlines
  readonly relaysRedirects: boolean
  readonly dialect: UpstreamDialect | undefined
}

/**
 * Checks an upstream's options.
 *
 * @throws ConfigurationError naming the option, what was seen, and the fix
 */
export function checkUpstream(options: UpstreamOptions, path: string): Upstream {
  const wrong = (name: string, message: string, cause?: unknown): ConfigurationError => new ConfigurationError(`${path}.${name}`, message, { cause })
  let url: URL
  try {
    url = new URL(options.baseUrl)
  } catch (cause) {
    throw wrong('baseUrl', `"${options.baseUrl}" is not a URL. Give scheme and host, such as "https://api.anthropic.com".`, cause)
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw wrong('baseUrl', `the scheme "${url.protocol}" is not supported. Use https (or http within a machine).`)
  if (url.username !== '' || url.password !== '') throw wrong('baseUrl', 'holds credentials. Put them into `credential`.')
  if (url.search !== '' || url.hash !== '') throw wrong('baseUrl', 'has a query or fragment, which would change every request. Remove it.')
  const deadlines = { ...defaultDeadlines, ...options.deadlines }
  for (const [name, millis] of Object.entries(deadlines)) {
    if (!(millis > 0)) throw wrong(`deadlines.${name}`, `${millis} is not a positive number of milliseconds.`)
  }
  if (options.heartbeatMillis !== undefined && !(options.heartbeatMillis >= 1000)) {
    throw wrong('heartbeatMillis', `${options.heartbeatMillis} is too short. Use at least 1000; 15000 suits most proxies.`)
  }
  const { redirects = 'refuse' } = options
  if (redirects !== 'refuse' && redirects !== 'relay') throw wrong('redirects', `"${String(redirects)}" is neither "refuse" nor "relay".`)
  if (options.dialect === undefined && isDialectCredential(options.credential))
    throw wrong('credential', 'is left to a dialect, and there is none. Give `dialect`, or a credential such as swapCredential(key).')
  return {
    name: options.name,
    origin: url.origin,
    hostname: url.hostname,
    basePath: url.pathname.replace(/\/+$/, ''),
    credential: options.credential,
    acceptEncoding: options.acceptEncoding ?? 'identity',
    heartbeatMillis: options.heartbeatMillis,
    deadlines,
    relaysRedirects: redirects === 'relay',
    dialect: options.dialect,
  }
}
