import { TransportError, type ByteWriter, type Transport, type UpstreamReply, type UpstreamRequest } from '@sluice/core'
import diagnostics from 'node:diagnostics_channel'
import type { LookupFunction, Socket } from 'node:net'
import { Readable } from 'node:stream'
import { Agent, type buildConnector, type Dispatcher } from 'undici'
import { addressIn, guardedLookup } from './guarded-lookup.ts'

/** Limits of the connections to upstreams. */
export interface ConnectionOptions {
  /** Time for TCP and TLS. @defaultValue 10000 */
  readonly connectMillis?: number
  /** How long an idle connection is kept. Below what proxies and load balancers close at, which is where connection resets come from. @defaultValue 25000 */
  readonly keepAliveMillis?: number
  /** Most connections per upstream. @defaultValue unlimited */
  readonly maxConnections?: number
  /**
   * Asked of each address that an upstream's name leads to, as the connection is made: false keeps it from being connected to. Guards against names that lead to
   * private addresses, whatever they led to before. @defaultValue every address is fine
   */
  readonly acceptsAddress?: (address: string, hostname: string) => boolean
}

/** A transport, and the end of it. */
export interface UndiciTransport extends Transport {
  /** Closes idle connections; resolves when the rest are done. */
  readonly close: () => Promise<void>
}

/** HTTP/1.1 through undici's dispatch interface: a callback per chunk, no stream objects. All deadlines but connecting are core's. */
export function undiciTransport(options: ConnectionOptions = {}): UndiciTransport {
  const keepAliveMillis = options.keepAliveMillis ?? 25_000
  // How much a connection reads ahead of a slow reader; undici hands it to net.connect, though its types do not say so.
  const connectOptions: buildConnector.BuildOptions & { readonly highWaterMark: number; readonly lookup?: LookupFunction } = {
    timeout: options.connectMillis ?? 10_000,
    highWaterMark: 16 * 1024,
    ...(options.acceptsAddress !== undefined && { lookup: guardedLookup(options.acceptsAddress) }),
  }
  const agent = new Agent({
    // One reset on a shared HTTP/2 connection would fail every session on it.
    allowH2: false,
    connect: connectOptions,
    keepAliveTimeout: keepAliveMillis,
    keepAliveMaxTimeout: keepAliveMillis,
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: 64 * 1024,
    ...(options.maxConnections !== undefined && { connections: options.maxConnections }),
  })
  return {
    send: (request) =>
      new Promise((resolve, reject) => {
        const call = new Call(request, resolve, reject)
        const { origin, path, method, headers, body } = request
        const literal = options.acceptsAddress && addressIn(origin)
        if (literal !== undefined && options.acceptsAddress?.(literal, literal) === false) return call.refuse(literal)
        const flat = headers.flat()
        if (body.length > 1) flat.push('content-length', String(body.reduce((sum, chunk) => sum + chunk.length, 0)))
        call.body = toUndici(body)
        agent.dispatch({ origin, path, method, headers: flat, body: call.body }, call)
      }),
    close: () => agent.close(),
  }
}

/** The call whose request undici is writing right now: `onRequestStart` and the `sendHeaders` event come in one synchronous step. */
let starting: Call | undefined
function markStarting(call: Call): void {
  starting = call
}
diagnostics.subscribe('undici:client:sendHeaders', (message) => {
  const { socket } = message as { readonly socket: Socket }
  if (starting !== undefined) starting.connection = { socket, bytesReadBefore: socket.bytesRead, sentAt: performance.now() }
  starting = undefined
})

const bodyChunkSent = diagnostics.channel('undici:request:bodyChunkSent')

/** What is gathered over one read: the events of a stream, seldom above a kilobyte. Larger chunks are worth a step of their own. */
const smallChunk = 4 * 1024

/** A loss after this long is no answer to a connection that was closed while idle. */
const staleWithinMillis = 2_000

/** One request's callbacks, and the byte source of its reply. */
class Call implements Dispatcher.DispatchHandler {
  /** What carries the request, and what it had brought before. */
  connection: { readonly socket: Socket; readonly bytesReadBefore: number; readonly sentAt: number } | undefined
  /** Dropped at the head: the body must not live as long as the reply. */
  body: Readable | Uint8Array | null = null
  #resolve: ((reply: UpstreamReply) => void) | undefined
  #reject: ((error: unknown) => void) | undefined
  /** Ends the listening for an abort; undefined once it has ended. */
  #unlisten: (() => void) | undefined
  #controller: Dispatcher.DispatchController | undefined
  #isStarted = false
  #hasHead = false
  #write: ByteWriter | undefined
  #done: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | undefined
  #waiting: Uint8Array[] = []
  #isBusy = false
  #ended: { readonly error?: unknown } | undefined
  #gathered: Buffer[] = []
  readonly #handGathered = (): void => {
    const chunks = this.#gathered
    if (chunks.length === 0 || this.#ended !== undefined) return
    this.#gathered = []
    this.#hand(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks))
  }

  constructor(request: UpstreamRequest, resolve: (reply: UpstreamReply) => void, reject: (error: unknown) => void) {
    this.#resolve = resolve
    this.#reject = reject
    const { signal } = request
    const onAbort = (): void => this.#cancel(signal.reason)
    this.#unlisten = () => signal.removeEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  }

  /** Whoever has the reply cancels it; until then the signal does. */
  #leaveSignal(): void {
    this.#unlisten?.()
    this.#unlisten = undefined
  }

  /** The upstream is at an address that it must not be at. */
  refuse(address: string): void {
    this.#leaveSignal()
    this.#reject?.(new TransportError('connect', `connect: the address ${address} is not accepted`))
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#ended !== undefined) return controller.abort(asError(this.#ended.error))
    this.#isStarted = true
    markStarting(this)
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (status < 200) return
    this.#leaveSignal()
    this.#hasHead = true
    const raw = (controller.rawHeaders ?? []) as readonly (Buffer | string)[]
    const headers: [string, string][] = []
    for (let at = 0; at < raw.length; at += 2) headers.push([latin1(raw[at]), latin1(raw[at + 1])])
    const isRequestWritten = this.#isRequestWritten
    this.body = null
    this.connection = undefined
    // A copy of the head in a buffer for each of its texts, which the connection would keep as long as the reply lasts.
    controller.rawHeaders = null
    this.#resolve?.({ status, headers, isRequestWritten, body: { pump: (write) => this.#pump(write), cancel: (reason) => this.#cancel(reason) } })
    this.#resolve = undefined
    this.#reject = undefined
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#ended !== undefined) return
    if (this.#write === undefined || this.#isBusy) {
      // Before the pump starts, and for what undici delivers across a pause when the peer has closed.
      this.#waiting.push(chunk)
      return controller.pause()
    }
    if (chunk.length < smallChunk) return this.#gather(chunk)
    this.#handGathered()
    if (this.#isBusy) this.#waiting.push(chunk)
    else this.#hand(chunk)
  }

  onResponseEnd(): void {
    this.#handGathered()
    this.#end({})
  }

  /**
   * Small chunks of one read are handed on together, when the read has been parsed and before the event loop turns: a server sends each event as a chunk of its own,
   * and every step from here to the client costs more than the copy of an event.
   */
  #gather(chunk: Buffer): void {
    if (this.#gathered.length === 0) process.nextTick(this.#handGathered)
    this.#gathered.push(chunk)
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#hasHead) {
      this.#handGathered()
      return this.#end({ error })
    }
    this.#leaveSignal()
    if (this.#ended !== undefined) return this.#reject?.(this.#ended.error)
    const phase = this.#isStarted ? (this.#isUnanswered && isConnectionLoss(error) ? 'stale-connection' : 'sent') : 'connect'
    this.#ended = { error }
    this.#reject?.(new TransportError(phase, `${phase}: ${(error as NodeJS.ErrnoException).code ?? error.name}`, { cause: error }))
  }

  /**
   * True on a connection that had served before, brought nothing since (not even an early hint, which would show that the request was taken),
   * and was lost at once: a peer that closed it while it was idle answers with a reset in one round trip, one that took the request does not.
   */
  get #isUnanswered(): boolean {
    if (this.connection === undefined) return false
    const { socket, bytesReadBefore, sentAt } = this.connection
    return bytesReadBefore > 0 && socket.bytesRead === bytesReadBefore && performance.now() - sentAt < staleWithinMillis
  }

  /** False where an upstream answers before it has read the request: the rest still waits, in the stream or in the socket. Somebody who listens may keep chunks. */
  get #isRequestWritten(): boolean {
    if (this.connection === undefined || bodyChunkSent.hasSubscribers) return false
    return (!(this.body instanceof Readable) || this.body.readableEnded) && this.connection.socket.writableLength === 0
  }

  #pump(write: ByteWriter): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#write = write
      this.#done = { resolve, reject }
      this.#flush()
    })
  }

  #hand(chunk: Uint8Array): void {
    let pressure: void | Promise<void>
    try {
      pressure = this.#write?.(chunk)
    } catch (error) {
      return this.#cancel(error)
    }
    if (pressure === undefined) return
    this.#isBusy = true
    this.#controller?.pause()
    pressure.then(
      () => {
        this.#isBusy = false
        this.#flush()
      },
      (error: unknown) => {
        this.#isBusy = false
        this.#cancel(error)
      },
    )
  }

  /** Hands on what waited, then lets the connection go on, or ends. */
  #flush(): void {
    while (this.#waiting.length > 0 && !this.#isBusy) this.#hand(this.#waiting.shift() as Uint8Array)
    if (this.#isBusy) return
    if (this.#ended !== undefined) this.#finish(this.#ended)
    else this.#controller?.resume()
  }

  #end(end: { readonly error?: unknown }): void {
    this.#ended ??= end
    if (this.#done !== undefined && !this.#isBusy) this.#flush()
  }

  #finish({ error }: { readonly error?: unknown }): void {
    const done = this.#done
    // The connection's past still refers to the call until a full collection; the exchange must not stay alive through it, and grow old (measured: 18 KB of each).
    this.#done = undefined
    this.#write = undefined
    this.#controller = undefined
    if (error === undefined) done?.resolve()
    else done?.reject(error)
  }

  #cancel(reason: unknown): void {
    const isOver = this.#ended !== undefined
    this.#ended ??= { error: reason ?? new Error('cancelled') }
    this.#waiting = []
    if (!isOver) this.#controller?.abort(asError(reason))
    if (!this.#hasHead) this.#reject?.(this.#ended.error)
    this.#finish(this.#ended)
  }
}

/** Several chunks go as a stream: joined they would be a second copy of the body, whose memory costs more to collect than it saves. */
function toUndici(chunks: readonly Uint8Array[]): Readable | Uint8Array | null {
  if (chunks.length <= 1) return chunks[0] ?? null
  return new Readable({
    read() {
      // They are all here already; an iterator would cost a promise for each.
      for (const chunk of chunks) this.push(chunk)
      this.push(null)
    },
  })
}

function latin1(value: Buffer | string | undefined): string {
  return typeof value === 'string' ? value : (value?.toString('latin1') ?? '')
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('the exchange was aborted', { cause: reason })
}

function isConnectionLoss(error: Error): boolean {
  return ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'].includes((error as NodeJS.ErrnoException).code ?? '')
}
