import type { ClientSink } from '@sluice/core'
import { ServerResponse, type IncomingMessage } from 'node:http'
import { chunkOf, lastChunk } from './chunked-coding.ts'
import { atTurnsEnd } from './turns-end.ts'

/** Bytes that a turn may collect before they are written at once. */
const largestBatch = 16 * 1024

/** How long a client that is refused may go on sending its body. */
const lingerMillis = 5_000

/**
 * Ends a reply that was given before its request was complete, when the rest has arrived: a connection that closes while its client still sends is reset, and
 * the client would never see why it was refused. What arrives is dropped; whoever has not sent the rest by then is cut off.
 */
function endAfter(request: IncomingMessage, response: ServerResponse): void {
  const end = (): void => {
    clearTimeout(timer)
    response.end()
  }
  const timer = setTimeout(() => {
    // The reply's bytes left long ago. A kept-alive connection would read on until Node's own limit for requests, minutes later.
    response.end()
    request.destroy()
  }, lingerMillis)
  request.once('close', end).resume()
}

const noBytes = new Uint8Array(0)

/** Other runtimes copy Node's server; what lies under its documented surface is only known of Node. */
const isNode = process.versions['bun'] === undefined && process.versions['deno'] === undefined

/**
 * Takes over the chunked coding of a reply whose head has just been made, where Node would apply it: Node writes each chunk in four parts, and one part costs
 * a microsecond less (measured; a reply has hundreds). Not where middleware stands in between, which expects to be given the body itself.
 */
function takeCoding(response: ServerResponse): boolean {
  const own = ServerResponse.prototype
  if (!isNode || !response.chunkedEncoding || response.write !== own.write || response.end !== own.end) return false
  response.chunkedEncoding = false
  return true
}

/**
 * The way back to a client. Writes of one turn of the event loop leave as one chunk: an upstream's read often holds several frames, and each write to a response
 * costs more than a copy of a frame.
 */
export function responseSink(request: IncomingMessage, response: ServerResponse, client: AbortController): ClientSink {
  let isOver = false
  let isCoding = false
  let isHeadDue = false
  let isScheduled = false
  let isFull = false
  let pending: Uint8Array[] = []
  let pendingBytes = 0
  let pressure: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined
  // Compression middleware holds bytes back until it has a block; what it puts on the response offers a way out. (Node's own, inherited, is another thing.)
  const flushCompressed = (): void => {
    if (Object.hasOwn(response, 'flush')) (response as { readonly flush?: () => void }).flush?.()
  }
  const send = (part: Uint8Array): void => {
    if (!response.write(part)) isFull = true
  }
  const flush = (isLast = false): void => {
    isScheduled = false
    const chunks = pending
    const bytes = pendingBytes
    pending = []
    pendingBytes = 0
    if (isCoding && bytes > 0) for (const part of chunkOf(chunks, bytes, isLast)) send(part)
    else if (isCoding && isLast) send(lastChunk)
    // A small slice is copied too: while it waits for a slow reader it would keep the whole 64 KB that it was read in.
    else if (bytes > 0) send(chunks.length === 1 && bytes >= largestBatch ? (chunks[0] as Uint8Array) : Buffer.concat(chunks, bytes))
    // Not flushHeaders(): that writes the head as UTF-8, and so changes header values beyond ASCII.
    else if (isHeadDue && !isLast) send(noBytes)
    isHeadDue = false
    flushCompressed()
  }
  const schedule = (): void => {
    if (isScheduled) return
    isScheduled = true
    atTurnsEnd(flushScheduled)
  }
  const flushScheduled = (): void => {
    if (isScheduled && !isOver) flush()
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
      isCoding = takeCoding(response)
      // The head must not wait for a slow first frame; when bytes follow at once it travels with them.
      isHeadDue = true
      schedule()
    },
    write: (chunk) => {
      if (isOver) return undefined
      pending.push(chunk)
      pendingBytes += chunk.length
      if (pendingBytes >= largestBatch) flush()
      else schedule()
      if (!isFull) return undefined
      pressure ??= Promise.withResolvers<void>()
      return pressure.promise
    },
    close: () => {
      flush(true)
      isOver = true
      if (request.complete || request.destroyed) response.end()
      else endAfter(request, response)
    },
    abort: () => {
      flush()
      isOver = true
      // What had come goes out first: Node writes at the end of the step.
      process.nextTick(() => response.destroy())
    },
  }
}
