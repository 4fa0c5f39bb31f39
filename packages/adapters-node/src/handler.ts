import { GatewayError, type ByteSource, type ClientRequest, type ClientSink, type MountableGateway, type HeaderList } from '@sluice/core'
import type { IncomingMessage, ServerResponse } from 'node:http'

/** A request listener: for `http.createServer`, and as Express middleware. */
export type NodeHandler = (request: IncomingMessage, response: ServerResponse) => void

/** Bytes that a turn may collect before they are written at once. */
const largestBatch = 16 * 1024

/** Options of {@link nodeHandler}. */
export interface NodeHandlerOptions {
  /** Gives the client's address where a trusted proxy stands before the server. @defaultValue the socket's peer */
  readonly remoteAddress?: (request: IncomingMessage) => string | undefined
  /** A path that stands before `/v1` in this server's URLs, such as `/gw`, where the framework does not take it off. @defaultValue none */
  readonly basePath?: string
}

/**
 * Mounts a gateway on node:http, Express 4 and 5, or Connect. Mount it before any body parser: a body that has been read cannot be passed on
 * byte for byte, and the request is then answered with an error that says so.
 */
export function nodeHandler(gateway: MountableGateway, options: NodeHandlerOptions = {}): NodeHandler {
  return (request, response) => {
    const remoteAddress = options.remoteAddress?.(request) ?? request.socket.remoteAddress
    const client = new AbortController()
    const clientRequest: ClientRequest = {
      method: request.method ?? 'GET',
      target: withoutBase(request.url ?? '/', options.basePath ?? ''),
      headers: pairs(request.rawHeaders),
      ...(hasBody(request) ? bodySource(request) : noSource),
      signal: client.signal,
      ...(remoteAddress !== undefined && { remoteAddress }),
    }
    void gateway.handle(clientRequest, responseSink(request, response, client))
  }
}

function withoutBase(url: string, basePath: string): string {
  return basePath !== '' && url.startsWith(`${basePath}/`) ? url.slice(basePath.length) : url
}

function pairs(raw: readonly string[]): HeaderList {
  const headers: [string, string][] = []
  for (let at = 0; at < raw.length; at += 2) headers.push([raw[at] as string, raw[at + 1] as string])
  return headers
}

function hasBody(request: IncomingMessage): boolean {
  return request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0
}

const noSource = { body: undefined }

/** Moves a buffer's memory into one of no bytes, and so frees it. Whatever view is left of it has no bytes either. */
function detach(buffer: ArrayBuffer): void {
  buffer.transfer(0)
}

/** Frees chunks that are memory blocks of their own. A view of a larger block, such as a TLS read, is left to the collector. */
function free(chunks: readonly Uint8Array[]): void {
  for (const { buffer, byteLength } of chunks) {
    if (buffer instanceof ArrayBuffer && byteLength > 0 && buffer.byteLength === byteLength) detach(buffer)
  }
}

function bodySource(request: IncomingMessage): Pick<ClientRequest, 'reclaim'> & { readonly body: ByteSource } {
  let stopPump: ((error: unknown) => void) | undefined
  // Whoever else listens has the same chunks, and may keep them.
  let isSoleReader = false
  const watch = (event: string | symbol): void => {
    if (event === 'data' || event === 'readable') isSoleReader = false
  }
  const body: ByteSource = {
    pump: (write) =>
      new Promise((resolve, reject) => {
        // What has been destroyed emits nothing any more.
        if (request.destroyed && !request.complete) return reject(clientLeft())
        if (request.readableDidRead || request.readableEnded) {
          return reject(
            new GatewayError(
              'internal',
              'Another part of this server read the request body before the gateway. Its developer must mount the gateway before any body parser (express.json()).',
            ),
          )
        }
        const stop = (error?: unknown): void => {
          request.off('data', take).off('end', end).off('close', close).off('error', stop).off('newListener', watch)
          if (error === undefined) return resolve()
          // What still arrives is read and dropped, so that the client gets to see the answer.
          request.resume()
          reject(error)
        }
        const take = (chunk: Buffer): void => {
          try {
            const pressure = write(chunk)
            if (pressure === undefined) return
            request.pause()
            pressure.then(() => request.resume(), stop)
          } catch (error) {
            stop(error)
          }
        }
        const end = (): void => stop()
        const close = (): void => stop(clientLeft())
        stopPump = stop
        isSoleReader = request.listenerCount('data') === 0 && request.listenerCount('readable') === 0
        request.on('data', take).once('end', end).once('close', close).once('error', stop).on('newListener', watch)
      }),
    cancel: (reason) => {
      if (stopPump === undefined) request.resume()
      else stopPump(reason ?? new Error('cancelled'))
    },
  }
  return {
    body,
    reclaim: (chunks) => {
      if (isSoleReader) free(chunks)
    },
  }
}

function clientLeft(): Error {
  return new Error('the client closed the connection within its request')
}

/** How long a client that is refused may go on sending its body. */
const lingerMillis = 5_000

/**
 * Ends a reply that was given before its request was complete, when the rest has arrived: a connection that closes while its client still sends is reset, and
 * the client would never see why it was refused. What arrives is dropped; whoever sends for longer is cut off.
 */
function endAfter(request: IncomingMessage, response: ServerResponse): void {
  const end = (): void => {
    clearTimeout(timer)
    response.end()
  }
  const timer = setTimeout(end, lingerMillis)
  request.once('close', end).resume()
}

const noBytes = new Uint8Array(0)

/**
 * Writes of one turn of the event loop leave as one chunk: an upstream's read often holds several frames, and each write to a response costs
 * more than a copy of a frame. Nothing waits longer for it, since Node itself holds a turn's writes back until the turn's end.
 */
function responseSink(request: IncomingMessage, response: ServerResponse, client: AbortController): ClientSink {
  let isOver = false
  let pending: Uint8Array[] = []
  let pendingBytes = 0
  let isHeadOut = false
  let isScheduled = false
  let isFull = false
  let pressure: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined
  // Compression middleware holds bytes back until it has a block; what it puts on the response offers a way out. (Node's own, inherited, is another thing.)
  const flushCompressed = (): void => {
    if (Object.hasOwn(response, 'flush')) (response as { readonly flush?: () => void }).flush?.()
  }
  const send = (chunk: Uint8Array): void => {
    if (!response.write(chunk)) isFull = true
    flushCompressed()
  }
  const flush = (): void => {
    isScheduled = false
    if (pending.length === 0) return
    // A small slice is copied too: while it waits for a slow reader it would keep the whole 64 KB that it was read in.
    const chunk = pending.length === 1 && pendingBytes >= largestBatch ? (pending[0] as Uint8Array) : Buffer.concat(pending, pendingBytes)
    pending = []
    pendingBytes = 0
    isHeadOut = true
    send(chunk)
  }
  const drained = (): void => {
    isFull = false
    pressure?.resolve()
    pressure = undefined
  }
  response.on('drain', drained)
  response.once('close', () => {
    drained()
    if (!isOver) {
      isOver = true
      client.abort(new Error('the client closed the connection'))
    }
  })
  // A broken client connection is reported by 'close'; without a listener the error would end the process.
  response.on('error', () => undefined)
  return {
    head: (status, headers) => {
      response.writeHead(status, headers.flat())
      // The head must not wait for a slow first frame; when bytes follow at once it travels with them.
      setImmediate(() => {
        // Not flushHeaders(): that writes the head as UTF-8, and so changes header values beyond ASCII.
        if (!isHeadOut && !isOver) send(noBytes)
      })
    },
    write: (chunk) => {
      if (isOver) return undefined
      pending.push(chunk)
      pendingBytes += chunk.length
      if (pendingBytes >= largestBatch) flush()
      else if (!isScheduled) {
        isScheduled = true
        process.nextTick(flush)
      }
      if (!isFull) return undefined
      pressure ??= Promise.withResolvers<void>()
      return pressure.promise
    },
    close: () => {
      flush()
      isOver = true
      if (request.complete || request.destroyed) response.end()
      else endAfter(request, response)
    },
    abort: () => {
      isOver = true
      response.destroy()
    },
  }
}
