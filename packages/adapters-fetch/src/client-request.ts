import { GatewayError, headerValue, type ByteSource, type ClientRequest, type HeaderList } from '@sluice/core'

/** A request as core takes it, and what is to be done about a body that core did not want. */
export interface IncomingRequest {
  readonly clientRequest: ClientRequest
  /** Reads and drops what is left of the body; undefined where nothing is. */
  readonly dropRest: () => Promise<void> | undefined
}

/** Reads a fetch `Request` as core's own, without changing it. */
export function toClientRequest(request: Request, signal: AbortSignal, remoteAddress: string | undefined): IncomingRequest {
  const { authority, target } = splitUrl(request.url)
  const body = bodyOf(request)
  const clientRequest: ClientRequest = {
    method: request.method,
    target,
    headers: headersOf(request, authority),
    body,
    signal,
    parsedAuthority: authority,
    ...(remoteAddress !== undefined && { remoteAddress }),
  }
  return { clientRequest, dropRest: () => body?.dropRest() }
}

/** Cuts a URL without parsing it again: what the runtime says is the path is what core routes and sends on. */
function splitUrl(url: string): { readonly authority: string; readonly target: string } {
  const start = url.indexOf('://') + 3
  const end = url.slice(start).search(/[/?#]/)
  if (end === -1) return { authority: url.slice(start), target: '/' }
  return { authority: url.slice(start, start + end), target: url.slice(start + end) }
}

/** `Headers` joins repeated lines with ", " (but for Set-Cookie) and lower-cases names; that is all that is left of them here. */
function headersOf(request: Request, authority: string): HeaderList {
  const headers: [string, string][] = [...request.headers]
  // An HTTP/2 request has `:authority` in its place, and the runtime made the URL from that.
  if (headerValue(headers, 'host') === undefined) headers.push(['host', authority])
  return headers
}

/** A client that is refused gets so long to finish sending: most send everything before they look at the answer. */
const dropForMillis = 5_000

interface RequestSource extends ByteSource {
  readonly dropRest: () => Promise<void> | undefined
}

function bodyOf(request: Request): RequestSource | undefined {
  if (request.bodyUsed || request.body?.locked === true) return readBySomebodyElse
  return request.body === null ? undefined : bodySource(request.body)
}

const readBySomebodyElse: RequestSource = {
  pump: () =>
    Promise.reject(
      new GatewayError(
        'internal',
        'Another part of this server read the request body before the gateway. Its developer must hand over the request unread (no c.req.json() before it).',
      ),
    ),
  cancel: () => undefined,
  dropRest: () => undefined,
}

function bodySource(body: ReadableStream<Uint8Array>): RequestSource {
  const reader = body.getReader()
  let cancelled: { readonly reason: unknown } | undefined
  let isOver = false
  const next = async (): Promise<Uint8Array | undefined> => {
    try {
      const { done, value } = await reader.read()
      isOver = done
      return value
    } catch (cause) {
      isOver = true
      throw cause
    }
  }
  const cancel = (reason: unknown): void => {
    cancelled ??= { reason }
    isOver = true
    // A body that is broken already has nobody left to tell.
    reader.cancel(reason).catch(() => undefined)
  }
  const drop = async (): Promise<void> => {
    const timer = setTimeout(() => cancel(new Error('the client sends on')), dropForMillis)
    try {
      while ((await next()) !== undefined);
    } catch {
      // The client has left; there is nobody to answer.
    } finally {
      clearTimeout(timer)
    }
  }
  return {
    pump: async (write) => {
      for (;;) {
        if (cancelled !== undefined) throw cancelled.reason
        const chunk = await next()
        if (chunk === undefined) break
        const pressure = write(chunk)
        if (pressure !== undefined) await pressure
      }
      if (cancelled !== undefined) throw (cancelled as { readonly reason: unknown }).reason
    },
    cancel,
    dropRest: () => (isOver ? undefined : drop()),
  }
}
