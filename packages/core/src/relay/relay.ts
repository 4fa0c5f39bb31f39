import { GatewayError } from '../errors.ts'
import type { ClientSink } from '../ports/client-request.ts'
import type { Clock } from '../host.ts'
import type { MessageMeter } from '../meter/message-meter.ts'
import { concatBytes } from '../wire/bytes.ts'
import { headerValue, type HeaderList } from '../wire/header-list.ts'
import type { ByteSource } from '../wire/byte-stream.ts'
import type { PairedDigest } from '../wire/digest.ts'
import { verdictOf, type Gate, type GateVerdict } from './gate.ts'
import { errorFrame, pingFrame } from './own-frames.ts'
import type { ReplyForm, ReplyReader } from './reply-reader.ts'
import { FrameSplitter, SseFrame } from '../wire/sse-frames.ts'
import { Watchdog, type Watched } from './watchdog.ts'

/** Everything that one reply's way to the client depends on. */
export interface RelayOptions {
  readonly exchangeId: string
  readonly headers: HeaderList
  /** Sends the head. Called once, unless `refuse` is. */
  readonly sendHead: () => void
  /** Answers with an error in place of the reply, head and all. */
  readonly refuse: (error: GatewayError) => void
  readonly form: ReplyForm
  readonly coding: string | undefined
  /** True for a Messages API stream, which only `message_stop` completes. */
  readonly isMessageStream: boolean
  readonly source: ByteSource
  readonly sink: ClientSink
  readonly clock: Clock
  readonly digest: PairedDigest
  readonly reader: ReplyReader
  readonly meter: MessageMeter
  /** Asked before anything is handed on. What is no plain event stream is held whole for them, head included. */
  readonly gates: readonly Gate[]
  readonly maxFrameBytes: number
  readonly idleMillis: number
  readonly heartbeatMillis: number | undefined
  /** How long to read on for exact usage after the client has left; undefined cancels the upstream at once. */
  readonly drainMillis: number | undefined
}

/** How the relay ended. `error` is the gateway's own, where it had to say one. */
export interface RelayEnd {
  readonly kind: 'complete' | 'client-gone' | 'cut' | 'truncated'
  readonly error?: GatewayError
}

const blankLine = new Uint8Array([0x0a, 0x0a])

/**
 * Moves one reply from the upstream to the client: the only owner of bytes.
 * Of an event stream it hands on whole frames, each as soon as it is complete, so that it can end or keep alive a stream at any moment without
 * breaking one; every other byte goes on at once. What it hands on is what it received, always.
 */
export class Relay implements Watched {
  readonly #options: RelayOptions
  readonly #splitter: FrameSplitter | undefined
  readonly #canAppend: boolean
  /** A reply that gates must see whole, until they have. */
  #heldReply: Uint8Array[] | undefined
  #watchdog: Watchdog | undefined
  /** The client has not taken yet what it was sent. */
  #isPressed = false
  /** A gate has not said yet whether a frame may go on. */
  #isAsking = false
  #hasUngatedFrame = false
  #isDeaf = false
  /** Frames that came in and have not been read, since a gate has not passed them. */
  #unread: readonly SseFrame[] = []
  /** The sink has been closed or aborted: whatever a gate or a source still says comes too late. */
  #isOver = false
  #frameCount = 0
  #stopReadingOn: (() => void) | undefined
  /** Ends the waiting for whatever the reply waits for, where the source cannot: it may itself be waiting for the client or a gate. */
  #stopWaiting: ((reason: unknown) => void) | undefined
  #cancelled: { readonly reason: unknown } | undefined
  #stopped: RelayEnd | undefined
  #firstByteAt: number | undefined
  #responseBytes = 0

  constructor(options: RelayOptions) {
    this.#options = options
    const isPlainStream = options.form === 'events' && options.coding === undefined
    this.#canAppend = isPlainStream && headerValue(options.headers, 'content-length') === undefined
    if (isPlainStream) this.#splitter = new FrameSplitter(options.maxFrameBytes, () => this.#oversize())
    else if (options.gates.length > 0) this.#heldReply = []
  }

  /** When the first byte of the body was handed on. */
  get firstByteAt(): number | undefined {
    return this.#firstByteAt
  }

  /** Bytes of the body that were handed on. */
  get responseBytes(): number {
    return this.#responseBytes
  }

  /** The start of a frame that has not been handed on. */
  get #tail(): readonly Uint8Array[] {
    return this.#splitter?.pending ?? []
  }

  /** A frame too large to be held has been handed on in part. */
  get #isMidFrame(): boolean {
    return this.#options.gates.length === 0 && (this.#splitter?.skipping ?? false)
  }

  /** Pumps until the reply is over, whichever way. Never rejects. */
  async run(): Promise<RelayEnd> {
    const { reader, heartbeatMillis } = this.#options
    this.#watchdog = new Watchdog(this, this.#options, this.#canAppend ? heartbeatMillis : undefined)
    if (this.#heldReply === undefined && !this.#isDeaf) this.#options.sendHead()
    let end: () => RelayEnd
    try {
      await this.#pumpAll()
      end = () => this.#cleanEnd()
    } catch (cause) {
      this.#watchdog.stop()
      await reader.end()
      end = () => this.#brokenEnd(cause)
    }
    this.#stopReadingOn?.()
    this.#isOver = true
    const ended = end()
    // What the upstream has said of its usage counts, whether or not the client was told.
    for (const frame of this.#unread) this.#options.meter.frame(frame)
    return ended
  }

  /** The client has left. Cancels the upstream, or reads on for `drainMillis` with nobody listening. */
  clientGone(reason: unknown): void {
    if (this.#stopped !== undefined) return
    const { drainMillis, clock, meter } = this.#options
    // A client that hangs up on the last frame has all it came for.
    this.#stopped = { kind: meter.stopped && this.#tail.length === 0 && this.#heldReply === undefined ? 'complete' : 'client-gone' }
    this.#isDeaf = true
    if (drainMillis === undefined) this.#cancel(reason)
    else this.#stopReadingOn = clock.after(drainMillis, () => this.#cancel(reason))
  }

  /** Nobody is to wait any longer for what is read on after the client has left. */
  endReadingOn(reason: unknown): void {
    if (this.#isDeaf) this.#cancel(reason)
  }

  /** Ends the stream with an error of the gateway's own. */
  cut(error: GatewayError): void {
    if (this.#stopped !== undefined) return
    this.#stopped = { kind: 'cut', error }
    this.#cancel(error)
  }

  #cancel(reason: unknown): void {
    this.#cancelled ??= { reason }
    this.#options.source.cancel(reason)
    this.#stopWaiting?.(reason)
  }

  /** Plain promises, not `async` and a race: this is what every open stream waits in, and each of those would keep half a kilobyte. */
  #pumpAll(): Promise<void> {
    const { source } = this.#options
    return new Promise((resolve, reject) => {
      if (this.#cancelled !== undefined) reject(this.#cancelled.reason)
      this.#stopWaiting = reject
      source
        .pump((chunk) => this.#take(chunk))
        .then(() => this.#pumped())
        .then(resolve, reject)
    })
  }

  #take(chunk: Uint8Array): void | Promise<void> {
    if (this.#isOver) return undefined
    this.#watchdog?.activity()
    return this.#splitter === undefined ? this.#pressure(this.#bytes(chunk)) : this.#events(chunk)
  }

  async #pumped(): Promise<void> {
    this.#watchdog?.stop()
    await this.#options.reader.end()
    await this.#askAboutHeld()
  }

  #bytes(chunk: Uint8Array): void | Promise<void> {
    const pressure = this.#heldReply === undefined ? this.#deliver(chunk) : void this.#heldReply.push(chunk)
    this.#options.reader.bytes(chunk)
    return pressure
  }

  #events(chunk: Uint8Array): void | Promise<void> {
    const splitter = this.#splitter as FrameSplitter
    const { frames, held, boundary } = splitter.push(chunk)
    this.#frameCount += frames.length
    if (this.#options.gates.length > 0) return this.#gated(frames)
    let pressure = this.#deliverAll(held)
    if (boundary > 0) pressure = this.#deliver(boundary === chunk.length ? chunk : chunk.subarray(0, boundary)) ?? pressure
    this.#options.reader.frames(frames)
    return this.#pressure(pressure)
  }

  async #gated(frames: readonly SseFrame[]): Promise<void> {
    const { digest, reader, maxFrameBytes } = this.#options
    for (const [index, frame] of frames.entries()) {
      this.#unread = frames.slice(index)
      const verdict = await this.#ask(frame)
      if (this.#isOver) return
      if (verdict !== 'pass') {
        for (const { raw } of frames.slice(index)) digest.receivedOnly(raw)
        this.cut(verdict)
        throw verdict
      }
      const pressure = this.#pressure(this.#deliver(frame.raw))
      this.#unread = frames.slice(index + 1)
      reader.frames([frame])
      await pressure
    }
    if (!this.#hasUngatedFrame) return
    const verdict = new GatewayError('internal', `A frame of this reply is larger than the ${maxFrameBytes} bytes that its checks can see, so it was stopped.`)
    this.cut(verdict)
    throw verdict
  }

  async #ask(frame: SseFrame): Promise<GateVerdict> {
    this.#isAsking = true
    let verdict: GateVerdict = 'pass'
    for (const gate of this.#options.gates) if (verdict === 'pass') verdict = await verdictOf(() => gate.onFrame(frame))
    this.#isAsking = false
    this.#watchdog?.activity()
    return verdict
  }

  /** Lets a held reply go on once every gate has passed it. @throws the verdict of the one that did not */
  async #askAboutHeld(): Promise<void> {
    const held = this.#heldReply
    if (held === undefined || this.#isDeaf) return
    const { gates, reader, sendHead } = this.#options
    const { message } = reader
    for (const gate of gates) {
      const verdict =
        message === undefined
          ? new GatewayError('internal', 'A reply that cannot be read cannot be checked, so it was stopped.')
          : await verdictOf(() => gate.onMessage(message))
      if (verdict === 'pass') continue
      this.cut(verdict)
      throw verdict
    }
    if (this.#isDeaf || this.#isOver) return
    this.#heldReply = undefined
    sendHead()
    await this.#deliverAll(held)
  }

  #oversize(): void {
    this.#options.reader.oversize()
    this.#hasUngatedFrame = this.#options.gates.length > 0
  }

  #deliverAll(chunks: readonly Uint8Array[]): void | Promise<void> {
    let pressure: void | Promise<void> = undefined
    for (const chunk of chunks) pressure = this.#deliver(chunk) ?? pressure
    return pressure
  }

  #deliver(chunk: Uint8Array): void | Promise<void> {
    const { digest, sink, clock } = this.#options
    if (this.#isDeaf) return digest.receivedOnly(chunk)
    this.#firstByteAt ??= clock.now()
    this.#responseBytes += chunk.length
    const pressure = sink.write(chunk)
    digest.both(chunk)
    return pressure
  }

  #deliverOwn(frame: Uint8Array): void {
    const { digest, sink } = this.#options
    this.#responseBytes += frame.length
    digest.deliveredOnly(frame)
    void this.#pressure(sink.write(frame))
  }

  #pressure(pressure: void | Promise<void>): void | Promise<void> {
    if (pressure === undefined) return undefined
    this.#isPressed = true
    const settle = (): void => {
      this.#isPressed = false
      this.#watchdog?.activity()
    }
    return pressure.then(settle, (cause: unknown) => {
      settle()
      throw cause
    })
  }

  /** @internal */
  onSilence(): void {
    if (!this.#isPressed && !this.#isMidFrame && !this.#isDeaf) this.#deliverOwn(pingFrame)
  }

  /** @internal */
  onIdle(): void {
    const { idleMillis } = this.#options
    if (this.#isAsking) return this.cut(new GatewayError('internal', `A check of this reply took longer than ${idleMillis} ms, so it was stopped.`))
    if (this.#isPressed) {
      // The source waits for the client too, so there is nothing to read on.
      this.#stopped ??= { kind: 'client-gone' }
      this.#isDeaf = true
      return this.#cancel(new Error(`the client took no bytes for ${idleMillis} ms`))
    }
    const error = new GatewayError('upstream-timeout', `The upstream sent nothing for ${idleMillis} ms, so the gateway gave up on it. Try again.`)
    this.#stopped ??= { kind: 'truncated', error }
    this.#cancel(error)
  }

  #cleanEnd(): RelayEnd {
    const { meter, reader, isMessageStream, form, sink } = this.#options
    if (this.#isDeaf) return this.#deafEnd(new Error('the client has left'))
    this.#readUnterminatedStop()
    const isIncomplete =
      isMessageStream &&
      form === 'events' &&
      reader.canRead &&
      !meter.stopped &&
      (meter.started || this.#frameCount === 0) &&
      meter.facts.errorType === undefined
    if (isIncomplete) return this.#truncated('The upstream ended the stream before the message was complete.')
    void this.#deliverAll(this.#tail)
    sink.close()
    return { kind: meter.facts.errorType === undefined || !isMessageStream || form !== 'events' ? 'complete' : 'truncated' }
  }

  /** Some recorded streams lack the last blank line. The message is complete all the same, if that frame is its stop. */
  #readUnterminatedStop(): void {
    if (this.#tail.length === 0 || this.#options.meter.stopped) return
    const tail = [...this.#tail, blankLine]
    const frame = new SseFrame(
      concatBytes(
        tail,
        tail.reduce((sum, part) => sum + part.length, 0),
      ),
    )
    if (frame.event === 'message_stop') this.#options.reader.frames([frame])
  }

  #brokenEnd(cause: unknown): RelayEnd {
    const { meter, sink } = this.#options
    const stopped = this.#stopped
    if (this.#isDeaf) return this.#deafEnd(cause)
    if (stopped?.error !== undefined) return this.#truncated(stopped.error.message, stopped)
    const { errorType } = meter.facts
    // The client has the whole message, or the upstream's own word on why not; how the connection behind it died is no longer its concern.
    if (this.#splitter !== undefined && (meter.stopped || errorType !== undefined)) {
      void this.#deliverAll(this.#tail)
      sink.close()
      return { kind: errorType === undefined ? 'complete' : 'truncated' }
    }
    return this.#truncated('The connection to the upstream broke before the reply was complete. Try again.')
  }

  #deafEnd(cause: unknown): RelayEnd {
    this.#dropUndelivered()
    this.#options.sink.abort(cause)
    return this.#stopped as RelayEnd
  }

  #dropUndelivered(): void {
    for (const part of [...this.#tail, ...(this.#heldReply ?? [])]) this.#options.digest.receivedOnly(part)
  }

  /** The reply cannot be completed: whole frames stay, a torn one is dropped, and the client is told in the form it reads. */
  #truncated(message: string, stopped?: RelayEnd): RelayEnd {
    const { sink, exchangeId, refuse } = this.#options
    const end = stopped ?? { kind: 'truncated', error: new GatewayError('upstream-broke', message) }
    this.#dropUndelivered()
    const error = end.error as GatewayError
    if (this.#heldReply !== undefined) refuse(error)
    else if (this.#canAppend && !this.#isMidFrame && !this.#isDeaf) {
      this.#deliverOwn(errorFrame(error.type, error.message, exchangeId))
      sink.close()
    } else sink.abort(error)
    return end
  }
}
