import { request as httpRequest, type Agent, type ClientRequest as NodeRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { toHeaders, valueOf, valuesOf, type Header } from '../headers.ts'
import { Unmet, within } from '../unmet.ts'

/** A request to the gateway. The suite adds what the target asks for: credential, lane, host and length. */
export interface ClientRequest {
  /** The id that tells the upstream which script to follow. */
  readonly lane: string
  /** @defaultValue `'POST'` */
  readonly method?: string
  /** Path and query, after the target's own path. @defaultValue `'/v1/messages'` */
  readonly path?: string
  /** In this order, after the suite's own. A name that is here replaces the suite's. */
  readonly headers?: readonly Header[]
  readonly body?: Uint8Array | string
  /** Sends another key than the target's, or with null none at all. */
  readonly key?: string | null
  /** Leaves out the lane's header: for requests that must carry their id elsewhere. */
  readonly withoutLaneHeader?: boolean
  /** A connection pool to use. Without one each request has a connection of its own. */
  readonly agent?: Agent
  /** Sends the body in these pieces with `transfer-encoding: chunked`. */
  readonly chunked?: boolean
}

/** How a reply's body ended: as announced, or broken off. */
export type BodyEnd = 'complete' | 'broken'

/** What the gateway answered. The body is taken in as it comes, unless it is paused. */
export interface ClientReply {
  readonly status: number
  /** In the order and spelling of the wire. */
  readonly headers: readonly Header[]
  readonly header: (name: string) => string | undefined
  readonly values: (name: string) => readonly string[]
  /** What has come in so far. */
  readonly received: () => Buffer
  /** The whole body, and how it ended. Rejects with {@link Unmet} when there is no end in time. */
  readonly read: () => Promise<{ readonly bytes: Buffer; readonly end: BodyEnd }>
  /** Resolves when at least so many bytes have come in. */
  readonly atLeast: (bytes: number) => Promise<void>
  /** Stops reading from the connection. */
  readonly pause: () => void
  readonly resume: () => void
  /** Closes the connection, as a client does that is told to stop. */
  readonly abort: () => void
}

/** A call under way: its head when it comes, and a way to give it up before. */
export interface ClientCall {
  readonly reply: Promise<ClientReply>
  readonly abort: () => void
}

/** Sends a request whose headers are final. */
export function clientCall(
  url: URL,
  method: string,
  headers: readonly Header[],
  body: Uint8Array | string | undefined,
  options: { readonly agent?: Agent; readonly patienceMillis: number },
): ClientCall {
  const secure = url.protocol === 'https:'
  const request: NodeRequest = (secure ? httpsRequest : httpRequest)({
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    path: `${url.pathname}${url.search}`,
    method,
    headers: headers.flatMap(([name, value]) => [name, value]),
    agent: options.agent ?? false,
    maxHeaderSize: 1 << 20,
    ...(secure ? { rejectUnauthorized: false } : {}),
  })
  request.setNoDelay(true)
  const head = new Promise<IncomingMessage>((resolve, reject) => {
    request.on('response', resolve)
    request.on('error', (error) => reject(new Unmet(`the gateway closed the connection without a reply (${error.message})`)))
  })
  request.end(body)
  const reply = within(options.patienceMillis, head, 'a reply from the gateway').then((response) => clientReply(request, response, options.patienceMillis))
  // A call that is given up before its head comes has nobody left to tell.
  reply.catch(() => undefined)
  return { reply, abort: () => request.destroy() }
}

function clientReply(request: NodeRequest, response: IncomingMessage, patienceMillis: number): ClientReply {
  const chunks: Buffer[] = []
  let length = 0
  let end: BodyEnd | undefined
  let wake: (() => void)[] = []
  const changed = (): void => {
    const waiting = wake
    wake = []
    for (const each of waiting) each()
  }
  const finish = (how: BodyEnd): void => {
    end ??= how
    changed()
  }
  response.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    length += chunk.length
    changed()
  })
  response.on('end', () => finish(response.complete ? 'complete' : 'broken'))
  response.on('error', () => finish('broken'))
  response.on('close', () => finish(response.complete ? 'complete' : 'broken'))

  /** Waits until the body has ended, or `isEnough`; as long as bytes keep coming, patience starts anew. */
  async function until(isEnough: () => boolean, what: string): Promise<void> {
    const isOver = (): boolean => end !== undefined || isEnough()
    while (!isOver()) {
      await within(
        patienceMillis,
        new Promise<void>((resolve) => {
          wake.push(resolve)
        }),
        `${what} (${length} bytes so far)`,
      )
    }
  }

  const headers = toHeaders(response.rawHeaders)
  return {
    status: response.statusCode ?? 0,
    headers,
    header: (name) => valueOf(headers, name),
    values: (name) => valuesOf(headers, name),
    received: () => Buffer.concat(chunks, length),
    read: async () => {
      await until(() => false, 'the end of the reply')
      return { bytes: Buffer.concat(chunks, length), end: end ?? 'broken' }
    },
    atLeast: async (bytes) => {
      await until(() => length >= bytes, `${bytes} bytes of the reply`)
      if (length < bytes) throw new Unmet(`the reply ended after ${length} of ${bytes} bytes`)
    },
    pause: () => {
      response.pause()
    },
    resume: () => {
      response.resume()
    },
    abort: () => {
      request.destroy()
    },
  }
}
