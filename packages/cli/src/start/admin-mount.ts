import type { AdminApi } from '@sluice/admin'
import { newExchangeId } from '@sluice/core'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isLoopbackAddress, isLoopbackAuthority } from './loopback.ts'

/** Answers a request, or returns false for one that is not its own: for `serve({ before })`. */
export type Mounted = (request: IncomingMessage, response: ServerResponse) => boolean

/**
 * Puts an admin API on a Node server. Takes every request under `/admin/`, so that none of them ever reaches an upstream. Paths are compared as they stand on
 * the wire: one that a URL parser would change, such as one with dot segments, is none of the API's.
 */
export function adminMount(api: AdminApi, now: () => number): Mounted {
  return (incoming, response) => {
    const target = incoming.url ?? '/'
    if (!target.startsWith('/admin/')) return false
    void answer(api, incoming, response, target, now)
    return true
  }
}

async function answer(api: AdminApi, incoming: IncomingMessage, response: ServerResponse, target: string, now: () => number): Promise<void> {
  response.on('error', () => undefined)
  incoming.on('error', () => undefined)
  const request = toRequest(incoming, target)
  const reply =
    typeof request === 'string'
      ? Response.json({ type: 'error', error: { type: 'not_found_error', message: request }, request_id: newExchangeId(now()) }, { status: 404 })
      : await api.fetch(request, { isLocal: isLocal(incoming) })
  const body = Buffer.from(await reply.arrayBuffer())
  // What was not read of a refused body is thrown away, so that its sender sees the answer.
  incoming.resume()
  response.writeHead(reply.status, { ...Object.fromEntries(reply.headers), 'content-length': body.length })
  response.end(body)
}

/** The request as the fetch world sees it; a text that says what is wrong where it cannot be one. */
function toRequest(incoming: IncomingMessage, target: string): Request | string {
  const host = incoming.headersDistinct['host'] ?? []
  const origin = `http://${host[0] ?? ''}`
  if (host.length !== 1 || !/^[\w.:[\]-]{1,255}$/.test(host[0] as string) || !URL.canParse(origin)) return 'Send exactly one Host header, with a host name.'
  if (!URL.canParse(origin + target)) return 'There is nothing at this path.'
  const url = new URL(origin + target)
  const path = target.split('?', 1)[0]
  if (url.pathname !== path || url.origin !== new URL(origin).origin) return 'There is nothing at this path; paths are compared as they stand.'
  const headers = new Headers()
  try {
    for (let at = 0; at + 1 < incoming.rawHeaders.length; at += 2) headers.append(incoming.rawHeaders[at] as string, incoming.rawHeaders[at + 1] as string)
    const method = incoming.method ?? 'GET'
    const hasBody = method !== 'GET' && method !== 'HEAD'
    return new Request(url, { method, headers, ...(hasBody && { body: bodyOf(incoming), duplex: 'half' as const }) })
  } catch {
    return 'There is nothing for such a request: its method or a header is not one.'
  }
}

/** A body that is read as it is asked for. Giving it up leaves the connection whole: a refusal has to reach its sender. */
function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  const chunks = incoming.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer, undefined>
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const { done, value } = await chunks.next()
        if (done === true) controller.close()
        else controller.enqueue(value)
      },
      cancel: async () => {
        await chunks.return?.()
      },
    },
    { highWaterMark: 0 },
  )
}

/** Who asks is a program on this machine, not a web page shown on it, and not somebody behind a proxy on it. */
function isLocal({ socket, headersDistinct }: IncomingMessage): boolean {
  const hosts = headersDistinct['host'] ?? []
  const site = headersDistinct['sec-fetch-site']?.[0]
  const isForwarded = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'].some((name) => name in headersDistinct)
  const isFromPage = headersDistinct['origin'] !== undefined || !(site === undefined || site === 'none' || site === 'same-origin')
  return isLoopbackAddress(socket.remoteAddress) && hosts.length === 1 && isLoopbackAuthority(hosts[0] as string) && !isForwarded && !isFromPage
}
