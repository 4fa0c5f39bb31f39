import { ConfigurationError, type MountableGateway } from '@sluice/core'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { nodeHandler, type NodeHandlerOptions } from './handler.ts'

/** Options of {@link serve}. */
export interface ServeOptions extends NodeHandlerOptions {
  /** @defaultValue 8787 */
  readonly port?: number
  /** Address to listen on. @defaultValue '127.0.0.1' */
  readonly host?: string
  /** Must be true to listen beyond loopback: says that callers are authenticated, by `authenticate()` or by what stands before the server. @defaultValue false */
  readonly isAuthenticated?: boolean
  /** Drain and stop on SIGTERM and SIGINT. @defaultValue false */
  readonly stopOnSignals?: boolean
  /** How long exchanges under way may take to finish when stopping. @defaultValue 30000 */
  readonly graceMillis?: number
  /** Answers requests before the gateway sees them; returns true for those it took. */
  readonly before?: (request: IncomingMessage, response: ServerResponse) => boolean
}

/** A running server. */
export interface Served {
  readonly url: string
  readonly server: Server
  /** Refuses new exchanges, lets those under way finish within the grace, ends the rest with an error frame, closes. Idempotent. */
  readonly stop: () => Promise<void>
}

/** How long a stopping server waits for the last bytes of finished replies to leave. */
const lastBytesMillis = 2_000

const loopback = /^(?:127(?:\.\d{1,3}){3}|::1|localhost)$/

/**
 * Serves a gateway on a server of its own, with limits against slow and oversized heads.
 *
 * @throws ConfigurationError for listening beyond loopback without authentication, or when the port cannot be had
 */
export async function serve(gateway: MountableGateway, options: ServeOptions = {}): Promise<Served> {
  const host = options.host ?? '127.0.0.1'
  const port = options.port ?? 8787
  if (!loopback.test(host) && options.isAuthenticated !== true) {
    throw new ConfigurationError(
      'host',
      `"${host}" is reachable by others, and nobody is authenticated. Add authenticate(keys) and say isAuthenticated: true, or listen on 127.0.0.1.`,
    )
  }
  const handle = nodeHandler(gateway, options)
  const { before } = options
  const listener: RequestListener = before === undefined ? handle : (request, response) => void (before(request, response) || handle(request, response))
  // A slow reader holds this much of its reply here, beside what the kernel holds; Node's own default is four times that.
  const server = createServer(
    {
      highWaterMark: 16 * 1024,
      maxHeaderSize: 16 * 1024,
      headersTimeout: 10_000,
      requestTimeout: 300_000,
      keepAliveTimeout: 90_000,
      connectionsCheckingInterval: 5_000,
    },
    listener,
  )
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why =
        cause.code === 'EADDRINUSE'
          ? `${port} is in use. Choose another, or 0 for any free one.`
          : `cannot listen on ${host}:${port} (${cause.code ?? cause.message}).`
      reject(new ConfigurationError('port', why, { cause }))
    })
    server.listen(port, host, resolve)
  })
  const address = server.address() as AddressInfo
  const url = `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`
  let stopping: Promise<void> | undefined
  const stop = (): Promise<void> => {
    stopping ??= (async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      // Timers of the gateway keep no process alive, and once the last client has gone nothing else may.
      const stayAlive = setInterval(() => undefined, 60_000)
      await gateway.drain(options.graceMillis ?? 30_000)
      clearInterval(stayAlive)
      // A reply that has been written may still be on its way to a slow reader; connections that have nothing left to say go at once.
      const sweep = setInterval(() => server.closeIdleConnections(), 50)
      const giveUp = setTimeout(() => server.closeAllConnections(), lastBytesMillis)
      server.closeIdleConnections()
      await closed
      clearInterval(sweep)
      clearTimeout(giveUp)
    })()
    return stopping
  }
  if (options.stopOnSignals === true) for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop())
  return { url, server, stop }
}
