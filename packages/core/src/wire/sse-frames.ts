import { concatBytes, toText } from './bytes.ts'

/**
 * Cuts a byte stream into server-sent event frames without copying, decoding or changing it.
 * Line endings, blank lines and the byte order mark follow https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 */
const lf = 0x0a
const cr = 0x0d

/** One event of a stream, read-only. What it says is decoded when asked for, once. */
export class SseFrame {
  readonly #bytes: Uint8Array
  readonly #start: number
  readonly #end: number
  readonly #isFirst: boolean
  readonly #usual: UsualShape | undefined
  #raw: Uint8Array | undefined
  #fields: Fields | undefined
  #json: { readonly value: unknown } | undefined

  /**
   * @param bytes - what the frame lies in, from `start` to before `end`: a view of its own is made only for whoever asks
   * @param isFirst - true for the stream's first frame, the only one in which a byte order mark is not part of a field's name
   * @param usual - which of the API's own shapes the frame is known to have
   */
  constructor(bytes: Uint8Array, isFirst = false, usual?: UsualShape, start = 0, end: number = bytes.length) {
    this.#bytes = bytes
    this.#start = start
    this.#end = end
    this.#isFirst = isFirst
    this.#usual = usual
  }

  /**
   * Measures the data line where it lies, from `start` to before `end`, where the frame has the API's usual shape; else undefined.
   * @internal
   */
  static measureData(frame: SseFrame, measure: (bytes: Uint8Array, start: number, end: number) => number): number | undefined {
    return frame.#usual && measure(frame.#bytes, frame.#start + frame.#usual.line.length, frame.#end - 2)
  }

  /** The frame's bytes on the wire, up to and including the blank line. */
  get raw(): Uint8Array {
    this.#raw ??= this.#start === 0 && this.#end === this.#bytes.length ? this.#bytes : this.#bytes.subarray(this.#start, this.#end)
    return this.#raw
  }

  /** How many bytes {@link raw} has. */
  get byteLength(): number {
    return this.#end - this.#start
  }

  /** The event's name; undefined where the frame has no `event` field. */
  get event(): string | undefined {
    return this.#usual === undefined ? this.#parsed().event : this.#usual.name
  }

  /** The data lines, joined by line feeds; undefined where there are none (a comment, a bare name). */
  get data(): string | undefined {
    return this.#usual === undefined ? this.#parsed().data : toText(this.dataBytes as Uint8Array)
  }

  /** The data line's bytes as a view, where the frame has the API's usual shape (`event: NAME`, one `data: ` line); else undefined. */
  get dataBytes(): Uint8Array | undefined {
    return this.#usual && this.#bytes.subarray(this.#start + this.#usual.line.length, this.#end - 2)
  }

  /** The `id` field; undefined where the frame has none. */
  get id(): string | undefined {
    return this.#parsed().id
  }

  /** The data as JSON, parsed once; undefined where it is not JSON. */
  get json(): unknown {
    if (this.#json === undefined) {
      let value: unknown
      try {
        value = JSON.parse(this.data ?? '')
      } catch {
        value = undefined
      }
      this.#json = { value }
    }
    return this.#json.value
  }

  #parsed(): Fields {
    this.#fields ??= parseFields(this.#isFirst ? toText(this.raw).replace(/^\ufeff/, '') : toText(this.raw))
    return this.#fields
  }
}

interface Fields {
  readonly event: string | undefined
  readonly data: string | undefined
  readonly id: string | undefined
}

function parseFields(text: string): Fields {
  let event: string | undefined
  let data: string | undefined
  let id: string | undefined
  for (const line of text.split(/\r\n|\r|\n/)) {
    const colon = line.indexOf(':')
    if (colon === 0 || line === '') continue
    const field = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (field === 'data') data = data === undefined ? value : `${data}\n${value}`
    else if (field === 'event') event = value
    else if (field === 'id' && !value.includes('\0')) id = value
  }
  return { event: event === '' ? undefined : event, data, id }
}

interface UsualShape {
  readonly name: string
  readonly line: Uint8Array
}

const usualNames = ['content_block_delta', 'content_block_start', 'content_block_stop', 'message_start', 'message_delta', 'message_stop', 'ping', 'error']
const usualShapes: readonly UsualShape[] = usualNames.map((name) => ({
  name,
  line: Uint8Array.from(`event: ${name}\ndata: `, (letter) => letter.charCodeAt(0)),
}))

const deltaShape = usualShapes[0] as UsualShape

/** Recognises the start of the API's own frames by their bytes, so that the hot path decodes no text. */
function usualShape(bytes: Uint8Array, start: number, end: number): UsualShape | undefined {
  return beginsAs(deltaShape, bytes, start, end) ? deltaShape : usualShapes.find((shape) => beginsAs(shape, bytes, start, end))
}

function beginsAs({ line }: UsualShape, bytes: Uint8Array, start: number, end: number): boolean {
  if (line.length + 2 > end - start) return false
  let at = line.length - 1
  // From the end backwards: names of another length differ there at once, and all lines start alike.
  while (at >= 0 && bytes[start + at] === line[at]) at -= 1
  return at === -1
}

/** What one chunk brought. */
export interface SplitResult {
  /** Frames that this chunk completed. Empty (and shared) when there are none. */
  readonly frames: readonly SseFrame[]
  /** Bytes kept from earlier chunks that may go on now, before those of this chunk. */
  readonly held: readonly Uint8Array[]
  /** How many of this chunk's bytes may go on now: those of completed frames, or of one too large to be kept. */
  readonly boundary: number
}

/** So many small parts in a row are joined: each costs a hundred bytes beside its own. */
const mostSmallParts = 128
const smallPartBytes = 1024
/** Copies up to a quarter of this share one array: making an array costs more than filling it. */
const slabBytes = 2048

const noFrames: readonly SseFrame[] = []
const nothing: readonly Uint8Array[] = []

/** Splits chunks into frames. One per stream; the work is linear in the bytes for any chunking. */
export class FrameSplitter {
  readonly #maxFrameBytes: number
  readonly #onOversize: () => void
  #parts: Uint8Array[] = []
  #partBytes = 0
  /** Small parts at the end of the parts. */
  #smallParts = 0
  #skipping = false
  #lineHasBytes = false
  #afterCr = false
  /** Lines of the frame so far, the blank one not counted. */
  #lines = 0
  #isFirst = true
  /** Room for small copies, each byte of which is written once. One stream's own: whoever passes a buffer away takes nobody else's bytes with it. */
  #slab: Uint8Array | undefined
  #slabUsed = 0

  /** @param onOversize - told once per frame that grew past `maxFrameBytes`; that frame is not reported, its bytes are the caller's to pass on. */
  constructor(maxFrameBytes: number, onOversize: () => void) {
    this.#maxFrameBytes = maxFrameBytes
    this.#onOversize = onOversize
  }

  /** What has been kept of an incomplete frame. */
  get pending(): readonly Uint8Array[] {
    return this.#parts
  }

  /** True inside a frame too large to be kept. */
  get skipping(): boolean {
    return this.#skipping
  }

  push(chunk: Uint8Array): SplitResult {
    const held = this.#parts.length === 0 ? nothing : this.#parts
    const wasSkipping = this.#skipping
    const frames: SseFrame[] = []
    const hasCr = this.#afterCr || chunk.indexOf(cr) !== -1
    const boundary = hasCr ? this.#pushAnyLines(chunk, frames) : this.#pushLineFeeds(chunk, frames)
    if (boundary < chunk.length && !this.#keep(boundary === 0 ? chunk : chunk.subarray(boundary))) return { frames, held, boundary: chunk.length }
    // While a frame is being skipped there is nothing held, and what ends it goes on.
    return { frames: frames.length === 0 ? noFrames : frames, held: boundary > 0 && !wasSkipping ? held : nothing, boundary }
  }

  /** The API's own line ends. The work per frame is one native search, for the end of its data. */
  #pushLineFeeds(chunk: Uint8Array, frames: SseFrame[]): number {
    let boundary = 0
    let at = 0
    const { length } = chunk
    while (at < length) {
      if (chunk[at] === lf && !this.#lineHasBytes) {
        at += 1
        const frame = this.#complete(chunk, boundary, at)
        if (frame !== undefined) frames.push(frame)
        boundary = at
        continue
      }
      const whole = at === boundary ? this.#usualFrame(chunk, at) : undefined
      if (whole !== undefined) {
        frames.push(whole)
        at += whole.byteLength
        boundary = at
        continue
      }
      const end = lineFeedFrom(chunk, at)
      if (end === -1) {
        this.#lineHasBytes = true
        break
      }
      this.#lineHasBytes = false
      this.#lines += 1
      at = end + 1
    }
    return boundary
  }

  /** A whole frame of one of the API's own shapes that starts here; undefined for whatever else there is, which goes line by line. */
  #usualFrame(chunk: Uint8Array, start: number): SseFrame | undefined {
    if (this.#lines > 0 || this.#lineHasBytes || this.#skipping || this.#parts.length > 0) return undefined
    const shape = usualShape(chunk, start, chunk.length)
    if (shape === undefined) return undefined
    const end = chunk.indexOf(lf, start + shape.line.length)
    if (end === -1 || chunk[end + 1] !== lf) return undefined
    const isFirst = this.#isFirst
    this.#isFirst = false
    return new SseFrame(chunk, isFirst, shape, start, end + 2)
  }

  #pushAnyLines(chunk: Uint8Array, frames: SseFrame[]): number {
    let boundary = 0
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at]
      const isRestOfCrLf = this.#afterCr && byte === lf
      this.#afterCr = byte === cr
      if (isRestOfCrLf) continue
      if (byte !== cr && byte !== lf) {
        this.#lineHasBytes = true
        continue
      }
      // Frames with carriage returns are never of the usual shape.
      this.#lines += byte === cr ? 100 : 1
      if (this.#lineHasBytes) {
        this.#lineHasBytes = false
        continue
      }
      const end = byte === cr && chunk[at + 1] === lf ? at + 2 : at + 1
      const frame = this.#complete(chunk, boundary, end)
      if (frame !== undefined) frames.push(frame)
      boundary = end
    }
    return boundary
  }

  /** False where the frame has grown too large to be kept. */
  #keep(rest: Uint8Array): boolean {
    if (this.#skipping) return false
    this.#partBytes += rest.length
    if (this.#partBytes <= this.#maxFrameBytes) {
      // A small slice must not keep the whole read that it came in.
      this.#parts.push(rest.length * 4 < rest.buffer.byteLength ? this.#copyOf(rest) : rest)
      this.#smallParts = rest.length < smallPartBytes ? this.#smallParts + 1 : 0
      if (this.#smallParts === mostSmallParts) {
        const small = this.#parts.splice(-mostSmallParts)
        this.#parts.push(
          concatBytes(
            small,
            small.reduce((sum, part) => sum + part.length, 0),
          ),
        )
        this.#smallParts = 0
      }
      return true
    }
    this.#parts = []
    this.#partBytes = 0
    this.#smallParts = 0
    this.#skipping = true
    this.#onOversize()
    return false
  }

  /** The frame that ends in a chunk, with what was kept of it before. */
  #complete(chunk: Uint8Array, start: number, end: number): SseFrame | undefined {
    const isFirst = this.#isFirst
    const mayBeUsual = this.#lines === 2
    this.#isFirst = false
    this.#lines = 0
    this.#smallParts = 0
    if (this.#skipping) {
      this.#skipping = false
      return undefined
    }
    if (this.#parts.length === 0) return new SseFrame(chunk, isFirst, mayBeUsual ? usualShape(chunk, start, end) : undefined, start, end)
    const raw = this.#roomFor(this.#partBytes + end - start)
    let at = 0
    for (const part of this.#parts) {
      raw.set(part, at)
      at += part.length
    }
    raw.set(chunk.subarray(start, end), at)
    this.#parts = []
    this.#partBytes = 0
    return new SseFrame(raw, isFirst, mayBeUsual ? usualShape(raw, 0, raw.length) : undefined)
  }

  #copyOf(bytes: Uint8Array): Uint8Array {
    const copy = this.#roomFor(bytes.length)
    copy.set(bytes)
    return copy
  }

  #roomFor(bytes: number): Uint8Array {
    if (bytes > slabBytes / 4) return new Uint8Array(bytes)
    if (this.#slab === undefined || this.#slabUsed + bytes > slabBytes) {
      this.#slab = new Uint8Array(slabBytes)
      this.#slabUsed = 0
    }
    this.#slabUsed += bytes
    return this.#slab.subarray(this.#slabUsed - bytes, this.#slabUsed)
  }
}

/** An event line is shorter than a call into the engine's search is worth. */
const shortLine = 32

function lineFeedFrom(chunk: Uint8Array, from: number): number {
  const near = Math.min(chunk.length, from + shortLine)
  for (let at = from; at < near; at += 1) if (chunk[at] === lf) return at
  return near === chunk.length ? -1 : chunk.indexOf(lf, near)
}
