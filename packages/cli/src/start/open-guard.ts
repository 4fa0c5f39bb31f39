import { GatewayError, headerValue, type Middleware } from '@sluice/core'
import { isLoopbackAuthority } from './loopback.ts'

/**
 * Stands in for authentication where there is none: keeps the browser on this machine from spending for a web site that it shows.
 * A rebound DNS name shows in Host, another site's script in Origin and Sec-Fetch-Site; programs such as Claude Code send neither.
 */
export function loopbackClientsOnly(): Middleware {
  return {
    name: 'loopback-clients-only',
    handle: (exchange, next) => {
      const host = headerValue(exchange.headers, 'host') ?? ''
      if (!isLoopbackAuthority(host)) throw refused('was sent to another host name than localhost')
      const origin = headerValue(exchange.headers, 'origin')
      const site = headerValue(exchange.headers, 'sec-fetch-site')
      if ((origin !== undefined && !isLoopbackOrigin(origin)) || site === 'cross-site') throw refused("comes from a web page's script")
      return next({})
    },
  }
}

function refused(how: string): GatewayError {
  return new GatewayError(
    'refused',
    `This gateway asks for no key, so it serves programs on this machine only, and the request ${how}. Start it with --key DEVELOPER=SECRET to serve others.`,
  )
}

function isLoopbackOrigin(origin: string): boolean {
  return URL.canParse(origin) && isLoopbackAuthority(new URL(origin).host)
}
