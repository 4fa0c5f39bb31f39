import { ConfigurationError } from '@sluice/core'
import { isPrivateHost } from './private-host.ts'

/** Where an upstream may be. */
export interface HostOptions {
  /** Private hosts that this upstream may be at, spelt as in its URL: each is named, none is assumed. @defaultValue [] */
  readonly privateHosts?: readonly string[]
}

/**
 * The base URL of an upstream, pinned: https, and a public host unless it is named. Nothing in a request ever chooses another one.
 *
 * @throws ConfigurationError naming the option, what was seen, and the fix
 */
export function pinnedUrl(option: string, baseUrl: string, { privateHosts = [] }: HostOptions): URL {
  let url: URL
  try {
    url = new URL(baseUrl)
  } catch (cause) {
    throw new ConfigurationError(option, `"${baseUrl}" is not a URL. Give scheme and host, such as "https://models.example.com".`, { cause })
  }
  const isNamed = privateHosts.includes(url.hostname)
  if (isPrivateHost(url.hostname) && !isNamed)
    throw new ConfigurationError(option, `"${url.hostname}" is a private host. If that is meant, name it: privateHosts: ["${url.hostname}"].`)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isNamed))
    throw new ConfigurationError(option, `"${url.protocol}" would send a credential in the clear. Use https; http is for private hosts that are named.`)
  return url
}

/** A name that becomes part of a host or path, such as a region. */
export function checkName(option: string, value: string, example: string): string {
  if (!/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(value))
    throw new ConfigurationError(option, `"${value.slice(0, 80)}" is not a name of letters, digits and "-". Give one such as "${example}".`)
  return value
}
