import type { Fault } from '../errors.ts'
import type { MessageMeter } from '../meter/message-meter.ts'
import type { ContentDecoder, DecoderFactory } from '../ports/runtime.ts'
import { concatBytes } from '../wire/bytes.ts'
import { parseJson } from '../wire/json-scan.ts'
import type { Observers } from './observers.ts'
import { FrameSplitter, type SseFrame } from '../wire/sse-frames.ts'

/** What a reply's body is, by its content type. */
export type ReplyForm = 'events' | 'json' | 'opaque'

/** How a reply is to be read on the side. */
export interface ReplyReaderOptions {
  readonly form: ReplyForm
  /** The content coding that still lies on the bytes; undefined for none. */
  readonly coding: string | undefined
  readonly decoder: DecoderFactory | undefined
  readonly meter: MessageMeter
  readonly observers: Observers
  readonly maxFrameBytes: number
  readonly onFault: (code: Fault['code'], message: string, cause?: unknown) => void
}

/** A JSON reply larger than this is relayed all the same, and not metered: the largest model output is far below. */
const maxJsonBytes = 16 * 1024 * 1024
/** A compressed reply that expands past this is no longer decoded for the meter. */
const maxDecodedBytes = 256 * 1024 * 1024

/** Reads a reply for the meter and the observers, beside the relay and never in its way. */
export class ReplyReader {
  readonly #options: ReplyReaderOptions
  readonly #decoder: ContentDecoder | undefined
  #splitter: FrameSplitter | undefined
  #json: Uint8Array[] | undefined
  #jsonBytes = 0
  #message: unknown
  #decodedBytes = 0
  #isStopped = false
  #canRead = true

  constructor(options: ReplyReaderOptions) {
    this.#options = options
    if (options.form === 'json') this.#json = []
    if (options.coding === undefined || options.form === 'opaque') return
    this.#splitter = new FrameSplitter(options.maxFrameBytes, () => this.oversize())
    const coding = options.coding.slice(0, 40)
    try {
      this.#decoder = options.decoder?.(
        options.coding,
        (chunk) => this.#decoded(chunk),
        (cause) => options.onFault('decoder-failed', `the upstream's ${coding} reply could not be decoded for metering`, cause),
      )
    } catch (cause) {
      options.onFault('decoder-failed', `no decoder for ${coding} could be made`, cause)
    }
    if (this.#decoder !== undefined) return
    this.#canRead = false
    options.onFault('decoder-failed', `this runtime cannot decode ${coding}: the reply is relayed but not metered`)
  }

  /** Whole frames of an unencoded event stream. */
  frames(frames: readonly SseFrame[]): void {
    for (const frame of frames) {
      try {
        this.#options.meter.frame(frame)
      } catch (cause) {
        this.#options.onFault('usage-unreadable', 'a frame of the reply could not be metered', cause)
      }
      this.#options.observers.frame(frame)
    }
  }

  /** Bytes of any other reply: JSON, or encoded. */
  bytes(chunk: Uint8Array): void {
    if (this.#options.coding === undefined) this.#plain(chunk)
    else if (!this.#isStopped) this.#decoder?.write(chunk)
  }

  /** The reply is over; resolves when everything has been read. */
  async end(): Promise<void> {
    if (!this.#isStopped) await this.#decoder?.end()
    if (this.#json === undefined || this.#jsonBytes === 0) return
    this.#message = parseJson(concatBytes(this.#json, this.#jsonBytes))
    this.#json = undefined
    if (this.#message === undefined) this.#options.meter.broken(this.#jsonBytes)
    this.#options.meter.message(this.#message)
    this.#options.observers.message(this.#message)
  }

  /** False where the reply, as far as this runtime or its limits go, cannot be read: then nothing follows from what was not seen in it. */
  get canRead(): boolean {
    return this.#canRead
  }

  /** A JSON reply, parsed; undefined before the end, and where it was no JSON or too large. */
  get message(): unknown {
    return this.#message
  }

  #decoded(chunk: Uint8Array): void {
    if (this.#isStopped) return
    this.#decodedBytes += chunk.length
    if (this.#decodedBytes > maxDecodedBytes) {
      this.#options.onFault('decoder-failed', `a compressed reply grew past ${maxDecodedBytes} bytes: the rest is relayed but not metered`)
      this.#canRead = false
      return this.#stopDecoding()
    }
    if (this.#options.form === 'events') this.frames((this.#splitter as FrameSplitter).push(chunk).frames)
    else this.#plain(chunk)
  }

  #plain(chunk: Uint8Array): void {
    if (this.#json === undefined) return
    this.#jsonBytes += chunk.length
    if (this.#jsonBytes > maxJsonBytes) {
      this.#json = undefined
      this.#options.onFault('usage-unreadable', `a JSON reply over ${maxJsonBytes} bytes was relayed without metering`)
      this.#stopDecoding()
    } else this.#json.push(chunk)
  }

  /** A few bytes may expand to very many: what nobody reads is not decoded. */
  #stopDecoding(): void {
    this.#isStopped = true
    this.#decoder?.stop?.()
  }

  /** A frame was too large to be kept. */
  oversize(): void {
    this.#options.onFault('frame-too-large', `a frame over ${this.#options.maxFrameBytes} bytes was relayed unseen by observers`)
  }
}
