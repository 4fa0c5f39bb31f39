import { GatewayError, type ByteSource, type ClientRequest, type HeaderList, type MountableGateway } from '@sluice/core'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { responseSink } from './response-sink.ts'

/** A request listener: for `http.createServer`, and as Express middleware. */
export type NodeHandler = (request: IncomingMessage, response: ServerResponse) => void

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
          // It holds all that reads the body, and the source lives as long as the reply.
          stopPump = undefined
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
