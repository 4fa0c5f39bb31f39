import { ConfigurationError, type MountableGateway } from '@sluice/core'
import { toClientRequest } from './client-request.ts'
import { responseSink } from './response-sink.ts'

/** The part of a worker's execution context that is used; Cloudflare's, Hono's and Vercel's fit. */
export interface FetchContext {
  readonly waitUntil?: (promise: Promise<unknown>) => void
}

/** Answers one request. `context` is whatever the runtime hands along; its `waitUntil` is used where it has one. */
export type FetchHandler<Context extends object = FetchContext> = (request: Request, context?: Context) => Promise<Response>

/** Options of {@link fetchHandler}. */
export interface FetchHandlerOptions<Context extends object = FetchContext> {
  /** Gives the client's address, from the runtime or from a trusted proxy's header. @defaultValue none: a `Request` does not know it */
  readonly remoteAddress?: (request: Request, context: Context | undefined) => string | undefined
  /** Bytes of a reply that may wait for a slow client before the upstream is paused. @defaultValue 65536 */
  readonly highWaterMarkBytes?: number
  /**
   * How long the last byte of a reply may wait for the exchange to be settled and recorded. A worker may be stopped soon after its response has
   * ended, so the end is what keeps it alive; where the context has `waitUntil`, that is the default reason to wait at all.
   * @defaultValue 1000 where the context has `waitUntil`, else 0
   */
  readonly holdEndMillis?: number
}

export const defaultFetchHandlerOptions: { readonly highWaterMarkBytes: number; readonly holdEndMillis: number } = Object.freeze({
  highWaterMarkBytes: 64 * 1024,
  holdEndMillis: 1000,
})

/**
 * Mounts a gateway on Bun, Deno, workerd, Hono, srvx, or anything else that speaks `Request` and `Response`. Hand it the runtime's own request,
 * with its body unread: what has been read cannot be passed on byte for byte, and is answered with an error that says so.
 *
 * @throws ConfigurationError for an option out of range
 */
export function fetchHandler<Context extends object = FetchContext>(
  gateway: MountableGateway,
  options: FetchHandlerOptions<Context> = {},
): FetchHandler<Context> {
  const highWaterMarkBytes = whole('highWaterMarkBytes', options.highWaterMarkBytes ?? defaultFetchHandlerOptions.highWaterMarkBytes, 1)
  const holdEndMillis = options.holdEndMillis === undefined ? undefined : whole('holdEndMillis', options.holdEndMillis, 0)
  return (request, context) => {
    const client = new AbortController()
    const { clientRequest, dropRest } = toClientRequest(request, client.signal, options.remoteAddress?.(request, context))
    const waiting = waiter(context)
    const atMostMillis = holdEndMillis ?? (waiting === undefined ? 0 : defaultFetchHandlerOptions.holdEndMillis)
    let settled: Promise<unknown> | undefined
    const sink = responseSink({
      method: request.method,
      client,
      highWaterMarkBytes,
      beforeEnd: () => both(dropRest(), settled === undefined || atMostMillis === 0 ? undefined : within(settled, atMostMillis)),
    })
    settled = gateway.handle(clientRequest, sink)
    void settled.then(sink.settled)
    waiting?.waitUntil(settled)
    // Last, because a request that is aborted already must find the exchange under way.
    if (request.signal.aborted) sink.clientGone(request.signal.reason)
    else request.signal.addEventListener('abort', () => sink.clientGone(request.signal.reason), { once: true })
    return sink.response
  }
}

function both(first: Promise<unknown> | undefined, second: Promise<unknown> | undefined): Promise<unknown> | undefined {
  return first === undefined || second === undefined ? (first ?? second) : Promise.all([first, second])
}

function within(work: Promise<unknown>, millis: number): Promise<unknown> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, millis)
    void work.then(() => {
      clearTimeout(timer)
      resolve(undefined)
    })
  })
}

function waiter(context: object | undefined): { readonly waitUntil: (promise: Promise<unknown>) => void } | undefined {
  const candidate: { readonly waitUntil?: unknown } | undefined = context
  return typeof candidate?.waitUntil === 'function' ? (candidate as { readonly waitUntil: (promise: Promise<unknown>) => void }) : undefined
}

function whole(option: string, value: number, least: number): number {
  if (!Number.isSafeInteger(value) || value < least) throw new ConfigurationError(option, `${value} is not a whole number of at least ${least}.`)
  return value
}
