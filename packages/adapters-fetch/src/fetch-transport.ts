import { headerValue, TransportError, type ByteSource, type HeaderList, type Transport, type UpstreamReply, type UpstreamRequest } from '@sluice/core'
import { decodedCodings } from './surroundings.ts'
import { failurePhase } from './failure-phase.ts'

/** Options of {@link fetchTransport}. */
export interface FetchTransportOptions {
  /** @defaultValue the global `fetch` */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>
  /** More of what the runtime's `fetch` takes: `{ dispatcher }` on Node, `{ client }` on Deno, `{ tls }` on Bun. */
  readonly init?: Readonly<Record<string, unknown>>
}

/**
 * Asks upstreams through `fetch`. Redirects are handed on, not followed; bodies stay encoded where the runtime can leave them so, and are marked
 * as decoded where it cannot. All deadlines are core's.
 */
export function fetchTransport(options: FetchTransportOptions = {}): Transport {
  const send = options.fetch ?? ((url: string, init: RequestInit) => fetch(url, init))
  return {
    send: async (request) => {
      const call = new AbortController()
      const onAbort = (): void => call.abort(request.signal.reason)
      if (request.signal.aborted) throw request.signal.reason
      request.signal.addEventListener('abort', onAbort, { once: true })
      try {
        const headers = headersOf(request)
        const response = await send(request.origin + request.path, { ...initOf(request, headers, call.signal), ...options.init })
        return toReply(request.method, response, decodedCodings(headers.get('accept-encoding') ?? ''), call)
      } catch (cause) {
        if (request.signal.aborted) throw request.signal.reason
        const phase = failurePhase(cause)
        throw new TransportError(phase, `${phase}: ${nameOf(cause)}`, { cause })
      } finally {
        request.signal.removeEventListener('abort', onAbort)
      }
    },
  }
}

/** What each runtime needs to be told; members that it does not know, it ignores. */
interface EveryRuntimesInit extends RequestInit {
  /** Bun: leave the body encoded. */
  readonly decompress: false
  /** Bun: no limit of its own, which would be five minutes. */
  readonly timeout: false
  /** workerd: leave the body encoded. */
  readonly encodeResponseBody: 'manual'
}

function headersOf({ headers }: UpstreamRequest): Headers {
  const list = new Headers()
  for (const [name, value] of headers) list.append(name, value)
  // Else the runtime asks for codings of its own, which the client may not know. Where it is set, Deno also leaves bodies encoded.
  if (!list.has('accept-encoding')) list.append('accept-encoding', 'identity')
  return list
}

function initOf({ method, body }: UpstreamRequest, headers: Headers, signal: AbortSignal): EveryRuntimesInit {
  return {
    method,
    headers,
    body: joined(body),
    signal,
    redirect: 'manual',
    decompress: false,
    timeout: false,
    encodeResponseBody: 'manual',
  }
}

/** Whole, so that every runtime declares the length; a stream would go chunked, and could not be sent again by the runtime. */
function joined(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> | null {
  if (chunks.length === 0) return null
  const [first] = chunks as [Uint8Array]
  // Request bodies never stand in shared memory; the type cannot say so.
  if (chunks.length === 1) return first as Uint8Array<ArrayBuffer>
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}

function toReply(method: string, response: Response, decoded: ReadonlySet<string>, call: AbortController): UpstreamReply {
  const headers: HeaderList = [...response.headers]
  const encoding = headerValue(headers, 'content-encoding')
  const isDecoded = encoding !== undefined && response.body !== null && isDecodedByFetch(encoding, decoded)
  const declared = headerValue(headers, 'content-length')
  const expectedBytes = isDecoded || declared === undefined || method === 'HEAD' || response.body === null ? undefined : Number(declared)
  return { status: response.status, headers, body: bodySource(response.body, expectedBytes, call), isDecoded }
}

/** Runtimes take off all codings of a body, or, where they do not know one, none. */
function isDecodedByFetch(encoding: string, decoded: ReadonlySet<string>): boolean {
  return encoding
    .toLowerCase()
    .split(',')
    .every((coding) => decoded.has(coding.trim()))
}

function bodySource(body: ReadableStream<Uint8Array> | null, expectedBytes: number | undefined, call: AbortController): ByteSource {
  const reader = body?.getReader()
  let cancelled: { readonly reason: unknown } | undefined
  let isOver = reader === undefined
  const cancel = (reason: unknown): void => {
    cancelled ??= { reason }
    if (isOver) return
    isOver = true
    // Cancelling ends the reading; aborting also closes the connection, which not every runtime does on a cancel.
    reader?.cancel(reason).catch(() => undefined)
    call.abort(reason)
  }
  /** The next chunk; undefined at the end. Throws what the source was cancelled with, however the runtime's reader takes a cancel. */
  const next = async (): Promise<Uint8Array | undefined> => {
    try {
      const step = cancelled === undefined ? await reader?.read() : undefined
      if (cancelled === undefined) return step?.value
    } catch (cause) {
      cancel(cause)
    }
    throw cancelled?.reason
  }
  return {
    pump: async (write) => {
      let seen = 0
      for (;;) {
        const chunk = await next()
        if (chunk === undefined) break
        seen += chunk.length
        try {
          const pressure = write(chunk)
          if (pressure !== undefined) await pressure
        } catch (cause) {
          cancel(cause)
          throw cause
        }
      }
      isOver = true
      if (expectedBytes !== undefined && seen !== expectedBytes) throw new Error(`the upstream's body ended after ${seen} of ${expectedBytes} bytes`)
    },
    cancel,
  }
}

function nameOf(cause: unknown): string {
  if (!(cause instanceof Error)) return typeof cause
  const inner = cause.cause instanceof Error ? cause.cause : cause
  return (inner as { readonly code?: string }).code ?? inner.name
}
