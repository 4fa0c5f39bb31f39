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
  readonly dialect: UpstreamDialect | undefined
}

/**
 * Checks an upstream's options.
 *
 * @throws ConfigurationError naming the option, what was seen, and the fix
 */
export function checkUpstream(options: UpstreamOptions, path: string): Upstream {
  let url: URL
  try {
    url = new URL(options.baseUrl)
  } catch (cause) {
    throw new ConfigurationError(`${path}.baseUrl`, `"${options.baseUrl}" is not a URL. Give scheme and host, such as "https://api.anthropic.com".`, { cause })
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw new ConfigurationError(`${path}.baseUrl`, `the scheme "${url.protocol}" is not supported. Use https (or http within a machine).`)
  if (url.username !== '' || url.password !== '') throw new ConfigurationError(`${path}.baseUrl`, 'holds credentials. Put them into `credential`.')
  if (url.search !== '' || url.hash !== '')
    throw new ConfigurationError(`${path}.baseUrl`, 'has a query or fragment, which would change every request. Remove it.')
  const deadlines = { ...defaultDeadlines, ...options.deadlines }
  for (const [name, millis] of Object.entries(deadlines)) {
    if (!(millis > 0)) throw new ConfigurationError(`${path}.deadlines.${name}`, `${millis} is not a positive number of milliseconds.`)
  }
  if (options.heartbeatMillis !== undefined && !(options.heartbeatMillis >= 1000)) {
    throw new ConfigurationError(`${path}.heartbeatMillis`, `${options.heartbeatMillis} is too short. Use at least 1000; 15000 suits most proxies.`)
  }
  if (options.dialect === undefined && isDialectCredential(options.credential))
    throw new ConfigurationError(`${path}.credential`, 'is left to a dialect, and there is none. Give `dialect`, or a credential such as swapCredential(key).')
  return {
    name: options.name,
    origin: url.origin,
    hostname: url.hostname,
    basePath: url.pathname.replace(/\/+$/, ''),
    credential: options.credential,
    acceptEncoding: options.acceptEncoding ?? 'identity',
    heartbeatMillis: options.heartbeatMillis,
    deadlines,
    dialect: options.dialect,
  }
}
