import { GatewayError } from '../errors.ts'
import type { ClientRequest } from '../ports/client-request.ts'
import { concatBytes, emptyBytes } from '../wire/bytes.ts'
import type { Digest } from '../wire/digest.ts'
import { headerValue } from '../wire/header-list.ts'
import { parseJson, readString, scanTopLevel, TopLevelScanner, type JsonScan, type TopLevelMember } from '../wire/json-scan.ts'

/**
 * A request body, whole and untouched, in the chunks that it arrived in: joining a megabyte costs more than all that is read of it.
 * Its top-level JSON members are found on first use. Offsets are into the whole body.
 */
export class RequestBody {
  readonly length: number
  /** The digest of its bytes, where it was taken as they came in. */
  readonly digest: string | undefined
  #chunks: readonly Uint8Array[] | undefined
  #scan: JsonScan | undefined
  /** Somebody may hold a view of the bytes. */
  #isShown = false

  constructor(...chunks: readonly Uint8Array[]) {
    this.#chunks = chunks
    this.length = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  }

  /** A body whose bytes were looked at as they came in. */
  static read(chunks: readonly Uint8Array[], digest: string | undefined, scan: JsonScan | undefined): RequestBody {
    const body = new RequestBody(...chunks)
    ;(body as { digest: string | undefined }).digest = digest
    body.#scan = scan
    return body
  }

  /**
   * Runs `read`, which keeps no view of the bytes and hands none to anything that goes on after it: what it is shown does not count as shown.
   * @internal
   */
  static glance<Result>(body: RequestBody, read: () => Result): Result {
    const wasShown = body.#isShown
    try {
      return read()
    } finally {
      body.#isShown = wasShown
    }
  }

  /**
   * Lets go of the bytes: nothing is read of the body any more. Returns the chunks where nobody was ever shown a view of them; none otherwise.
   * @internal
   */
  static letGo(body: RequestBody): readonly Uint8Array[] {
    const chunks = body.#chunks ?? []
    // The body of no bytes is everybody's.
    if (body.length > 0) {
      body.#chunks = undefined
      body.#scan = undefined
    }
    return body.#isShown ? [] : chunks
  }

  /** The client's bytes. Never write into them. @throws Error once the upstream has answered; what was taken before stays */
  get chunks(): readonly Uint8Array[] {
    if (this.#chunks === undefined) throw new Error('the request body is let go once the upstream has answered; read it before next()')
    this.#isShown = true
    return this.#chunks
  }

  /** The bytes from `start` to `end`: a view where they lie in one chunk, else a copy of them. Ask for little: a copy is garbage soon. */
  range(start: number, end: number): Uint8Array {
    const parts = this.parts(start, end)
    return parts.length === 0 ? emptyBytes : concatBytes(parts, Math.min(end, this.length) - start)
  }

  /** The bytes from `start` to `end` as views, in order. */
  parts(start: number, end: number): readonly Uint8Array[] {
    const parts: Uint8Array[] = []
    let at = 0
    for (const chunk of this.chunks) {
      const next = at + chunk.length
      if (next > start && at < end) parts.push(start <= at && end >= next ? chunk : chunk.subarray(Math.max(0, start - at), end - at))
      at = next
    }
    return parts
  }

  /** The top-level scan, made once. */
  get scan(): JsonScan {
    this.#scan ??= RequestBody.glance(this, () => scanTopLevel(...this.chunks))
    return this.#scan
  }

  /** Every member with this key, in document order; duplicates are legal JSON. */
  members(key: string): readonly TopLevelMember[] {
    const scan = this.scan
    return scan.kind === 'object' ? scan.members.filter((member) => member.key === key) : []
  }

  /** The member that a JSON parser would report: the last one. */
  member(key: string): TopLevelMember | undefined {
    const scan = this.scan
    return scan.kind === 'object' ? scan.members.findLast((member) => member.key === key) : undefined
  }

  /** The string at a top-level key; undefined where it is absent or not a string. */
  string(key: string): string | undefined {
    return RequestBody.glance(this, () => {
      const slice = this.slice(key)
      return slice && readString(slice)
    })
  }

  /** The parsed value at a top-level key; undefined where it is absent or longer than `maxBytes`. Costs a parse of that value: fine for `metadata`, dear for `messages`. */
  value(key: string, maxBytes: number = Infinity): unknown {
    const member = this.member(key)
    if (member === undefined || member.end - member.start > maxBytes) return undefined
    return RequestBody.glance(this, () => parseJson(this.range(member.start, member.end)))
  }

  /** The value's bytes at a top-level key; a copy where they lie in several chunks. */
  slice(key: string): Uint8Array | undefined {
    const member = this.member(key)
    return member && this.range(member.start, member.end)
  }
}

/** A body of no bytes. */
export const noBody: RequestBody = new RequestBody()

/**
 * Reads a whole body, counting. The declared length only rejects early; what is enforced is what arrives.
 * Each chunk is scanned and digested as it comes, while it is warm in the processor's cache: later, both would cost half as much again.
 *
 * @throws GatewayError `body-too-large` past `maxBytes`, `unsupported-encoding` for a compressed body, `malformed-body` when the client stops early;
 * where `signal` is aborted with one, that
 */
export async function readBody(request: ClientRequest, maxBytes: number, digest: Digest, isJson: boolean, signal: AbortSignal): Promise<RequestBody> {
  const { body } = request
  if (body === undefined) return noBody
  const encoding = headerValue(request.headers, 'content-encoding')
  if (encoding !== undefined && encoding.trim().toLowerCase() !== 'identity') {
    throw new GatewayError('unsupported-encoding', `The gateway does not take ${encoding.slice(0, 20)} request bodies. Send the body without content-encoding.`)
  }
  const declared = Number(headerValue(request.headers, 'content-length') ?? 0)
  if (declared > maxBytes) throw tooLarge(maxBytes)
  const chunks = new ChunkList()
  const scanner = isJson ? new TopLevelScanner() : undefined
  let total = 0
  const aborted = Promise.withResolvers<never>()
  const onAbort = (): void => {
    body.cancel(signal.reason)
    aborted.reject(signal.reason)
  }
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    if (signal.aborted) throw signal.reason
    const pumping = body.pump((chunk) => {
      if (signal.aborted) throw signal.reason
      total += chunk.length
      if (total > maxBytes) throw tooLarge(maxBytes)
      chunks.push(chunk)
      scanner?.push(chunk)
      digest.update(chunk)
    })
    await Promise.race([aborted.promise, pumping])
  } catch (cause) {
    if (GatewayError.is(cause)) throw cause
    throw new GatewayError('malformed-body', 'The request body ended before it was complete.', { cause })
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
  return total === 0 ? noBody : RequestBody.read(chunks.end(), digest.value(), scanner?.end())
}

/** A chunk below this is copied together with its neighbours: an object for each of many tiny ones would cost far more than its bytes. */
const smallBytes = 4096

/** Collects chunks as they are, and small ones in blocks. */
class ChunkList {
  readonly #chunks: Uint8Array[] = []
  #block: Uint8Array | undefined
  #used = 0

  push(chunk: Uint8Array): void {
    if (chunk.length >= smallBytes) {
      this.#closeBlock()
      this.#chunks.push(chunk)
      return
    }
    if (this.#block !== undefined && this.#used + chunk.length > this.#block.length) this.#closeBlock()
    this.#block ??= new Uint8Array(4 * smallBytes)
    this.#block.set(chunk, this.#used)
    this.#used += chunk.length
  }

  end(): readonly Uint8Array[] {
    this.#closeBlock()
    return this.#chunks
  }

  #closeBlock(): void {
    // A slice, so that no more memory is kept than bytes.
    if (this.#block !== undefined) this.#chunks.push(this.#block.slice(0, this.#used))
    this.#block = undefined
    this.#used = 0
  }
}

function tooLarge(maxBytes: number): GatewayError {
  return new GatewayError(
    'body-too-large',
    `The request body is larger than this gateway accepts (${maxBytes} bytes). This is the gateway's own limit, not Anthropic's; its operator can raise maxBodyBytes.`,
  )
}
