import { ConfigurationError, positiveWhole } from '../errors.ts'
import type { Clock } from '../host.ts'
import { MessageMeter } from '../meter/message-meter.ts'
import type { UsageReport } from '../meter/usage.ts'
import type { UpstreamReply } from '../ports/runtime.ts'
import type { ByteSource, ByteWriter } from '../wire/byte-stream.ts'
import { headerValue } from '../wire/header-list.ts'
import { FrameSplitter, type SseFrame } from '../wire/sse-frames.ts'

/** How long the head of a stream is held back for its first content. Whichever bound is met first lets it go. */
export interface FirstContentOptions {
  /** From the upstream's head on; the deadline of the exchange bounds it as well. @defaultValue 10000 */
  readonly millis?: number
  /** @defaultValue 65536 */
  readonly bytes?: number
  /**
   * What becomes of a stream that has no content when the time is over. `let-go`: it is handed on. `ask-next`: another upstream is asked in its place, where one may be; it is
   * handed on after all where none has a better answer. Its prompt is billed all the same, so give it time enough. @defaultValue 'let-go'
   */
  readonly whenSilent?: 'let-go' | 'ask-next'
}

export const defaultFirstContentOptions: Required<FirstContentOptions> = Object.freeze({ millis: 10_000, bytes: 65_536, whenSilent: 'let-go' })

/**
 * Why a reply is held no longer. `let-go`: content is here, it is too large to hold, or nobody waits any more; `silent`: its time is over; `broken`: it ended before any
 * content; `busy`, `failed`: in place of content the upstream sent an error by which it says that it cannot, now.
 */
export type HeldVerdict = 'let-go' | 'silent' | 'broken' | 'busy' | 'failed'

/** A reply that was held, and what it was held for. */
export interface HeldHead {
  readonly verdict: HeldVerdict
  /** The reply with everything that it has sent and will send, byte for byte. */
  readonly reply: UpstreamReply
  /** What it has cost so far. See `MessageMeter.report`. */
  readonly usage: (requestedModel: string, requestBytes: number) => UsageReport
}

/** Holds heads of streams back for their first content. */
export interface HeadHold {
  /** Reads a reply up to its first content, within bounds and no longer than `mostMillis`, and keeps what it read for whoever pumps it. Never rejects. Undefined where there is nothing to wait for. */
  readonly hold: (reply: UpstreamReply, mostMillis: number, clock: Clock, signal: AbortSignal) => Promise<HeldHead | undefined>
}

/**
 * Holds the head of each stream until its first content is here: for `attempts.firstContent`.
 *
 * @throws ConfigurationError for a bound that is no positive whole number
 */
export function headHold(options: FirstContentOptions = {}): HeadHold {
  const { millis, bytes, whenSilent } = { ...defaultFirstContentOptions, ...options }
  positiveWhole('firstContent.millis', millis)
  positiveWhole('firstContent.bytes', bytes)
  if (whenSilent !== 'let-go' && whenSilent !== 'ask-next')
    throw new ConfigurationError('firstContent.whenSilent', `"${String(whenSilent)}" is neither "let-go" nor "ask-next".`)
  return {
    hold: async (reply, mostMillis, clock, signal) => {
      if (!isHoldable(reply)) return undefined
      const head = await holdHead(reply, { millis: Math.min(millis, mostMillis), bytes }, clock, signal)
      return head.verdict === 'silent' ? { ...head, verdict: whenSilent === 'let-go' ? 'let-go' : 'silent' } : head
    },
  }
}

/** Errors of a stream that another upstream may better; any other is the request's answer, wherever it is asked. */
const passing: Readonly<Record<string, HeldVerdict>> = { overloaded_error: 'busy', rate_limit_error: 'busy', api_error: 'failed', timeout_error: 'failed' }

/** True for a reply whose first content can be seen: a plain event stream of a message. */
function isHoldable({ status, headers, isDecoded }: UpstreamReply): boolean {
  if (status >= 300 || !/^text\/event-stream\b/i.test(headerValue(headers, 'content-type') ?? '')) return false
  const coding = headerValue(headers, 'content-encoding')?.trim().toLowerCase()
  return coding === undefined || coding === 'identity' || isDecoded === true
}

async function holdHead(
  reply: UpstreamReply,
  { millis, bytes }: { readonly millis: number; readonly bytes: number },
  clock: Clock,
  signal: AbortSignal,
): Promise<HeldHead> {
  const held = new HeldBody(reply.body, bytes)
  const letGo = (): void => held.decide('let-go')
  const stop = clock.after(millis, () => held.decide('silent'))
  if (signal.aborted) letGo()
  else signal.addEventListener('abort', letGo, { once: true })
  const verdict = await held.verdict
  stop()
  signal.removeEventListener('abort', letGo)
  return { verdict, reply: { ...reply, body: held }, usage: (model, requestBytes) => held.meter.report(model, requestBytes) }
}

/** A source that has begun: what came before anybody pumped it is kept, up to a bound from which on its own source waits. */
class HeldBody implements ByteSource {
  readonly meter: MessageMeter = new MessageMeter()
  readonly verdict: Promise<HeldVerdict>
  readonly #source: ByteSource
  readonly #mostBytes: number
  readonly #splitter: FrameSplitter
  readonly #decided = Promise.withResolvers<HeldVerdict>()
  /** The source waits for it once it is known what to do. */
  readonly #attached = Promise.withResolvers<void>()
  readonly #pumping: Promise<void>
  #isDecided = false
  #writer: ByteWriter | undefined
  #chunks: Uint8Array[] = []
  #bytes = 0

  constructor(source: ByteSource, mostBytes: number) {
    this.#source = source
    this.#mostBytes = mostBytes
    this.#splitter = new FrameSplitter(mostBytes, () => this.decide('let-go'))
    this.verdict = this.#decided.promise
    this.#pumping = source.pump((chunk) => this.#take(chunk))
    const ended = (): void => this.decide('broken')
    // Who pumps it hears of the break; where nobody does, it was passed over.
    this.#pumping.then(ended, ended)
  }

  /** Only the first counts. */
  decide(verdict: HeldVerdict): void {
    this.#isDecided = true
    this.#decided.resolve(verdict)
  }

  pump = async (write: ByteWriter): Promise<void> => {
    // More may come while a slow client takes what was kept.
    for (let chunk = this.#chunks.shift(); chunk !== undefined; chunk = this.#chunks.shift()) {
      const pressure = write(chunk)
      if (pressure !== undefined) await pressure
    }
    this.#writer = write
    this.#attached.resolve()
    await this.#pumping
  }

  cancel = (reason: unknown): void => {
    this.#source.cancel(reason)
    this.#attached.resolve()
  }

  #take(chunk: Uint8Array): void | Promise<void> {
    if (this.#writer !== undefined) return this.#writer(chunk)
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    if (!this.#isDecided) this.#look(this.#splitter.push(chunk).frames)
    if (this.#bytes > this.#mostBytes) this.decide('let-go')
    return this.#isDecided ? this.#attached.promise : undefined
  }

  #look(frames: readonly SseFrame[]): void {
    for (const frame of frames) {
      this.meter.frame(frame)
      const verdict = verdictOn(frame, this.meter)
      if (verdict !== undefined) return this.decide(verdict)
    }
  }
}

/** What a frame decides; undefined for those that tell the client nothing: the message's start, pings, comments. */
function verdictOn(frame: SseFrame, meter: MessageMeter): HeldVerdict | undefined {
  if (meter.facts.errorType !== undefined) return passing[meter.facts.errorType] ?? 'let-go'
  const type = frame.event ?? (frame.json as { readonly type?: unknown } | null | undefined)?.type
  return type === 'message_start' || type === 'ping' || (type === undefined && frame.data === undefined) ? undefined : 'let-go'
}
