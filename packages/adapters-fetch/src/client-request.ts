import { GatewayError, headerValue, type ByteSource, type ClientRequest, type HeaderList } from '@sluice/core'

/** Reads a fetch `Request` as core's own, without changing it. */
export function toClientRequest(request: Request, signal: AbortSignal, remoteAddress: string | undefined): ClientRequest {
  const { authority, target } = splitUrl(request.url)
  return {
    method: request.method,
    target,
    headers: headersOf(request, authority),
    body: bodyOf(request),
    signal,
    parsedAuthority: authority,
    ...(remoteAddress !== undefined && { remoteAddress }),
  }
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

function bodyOf(request: Request): ByteSource | undefined {
  if (request.bodyUsed) return readBySomebodyElse
  return request.body === null ? undefined : bodySource(request.body)
}

const readBySomebodyElse: ByteSource = {
  pump: () =>
    Promise.reject(
      new GatewayError('internal', 'Another part of this server read the request body before the gateway. Its developer must hand over the request unread (no c.req.json() before it).'),
    ),
  cancel: () => undefined,
}

function bodySource(body: ReadableStream<Uint8Array>): ByteSource {
  if (body.locked) return readBySomebodyElse
  const reader = body.getReader()
  let cancelled: { readonly reason: unknown } | undefined
  return {
    pump: async (write) => {
      let isBroken = true
      try {
        while (cancelled === undefined) {
          const { done, value } = await reader.read()
          if (done) return
          isBroken = false
          const pressure = write(value)
          if (pressure !== undefined) await pressure
          isBroken = true
        }
      } catch (cause) {
        // What still arrives is read and dropped, so that the client gets to see the answer: most send everything before they look.
        if (!isBroken) void drop(reader)
        throw cause
      }
      throw cancelled.reason
    },
    cancel: (reason) => {
      cancelled ??= { reason }
      // A body that is broken already has nobody left to tell.
      reader.cancel(reason).catch(() => undefined)
    },
  }
}

async function drop(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  try {
    while (!(await reader.read()).done);
  } catch {
    // The client has left; there is nothing to answer.
  }
}
