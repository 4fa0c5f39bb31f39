import { joinBytes } from '../wire/sse.ts'
import { readReported, type Reported, type ReportedUsage } from './reported-usage.ts'

/** How the answer to a call ended: `completed` means every byte was handed to the socket. */
export type CallOutcome = 'pending' | 'completed' | 'cut' | 'client-gone'

/** One request that the rehearsal saw, and what became of it. A live object: it fills in as the call proceeds. */
export interface RehearsalCall {
  /** 1, 2, 3, … in order of arrival. */
  readonly id: number
  readonly method: string
  /** Path and query exactly as they came. */
  readonly target: string
  readonly path: string
  /** Names and values as sent: order, spelling and repeats kept. */
  readonly rawHeaders: readonly (readonly [name: string, value: string])[]
  /** The first value of a header field, whatever its spelling. */
  header(name: string): string | undefined
  /** The exact bytes of the body; empty until it has been read. */
  readonly body: Uint8Array
  /** The body as JSON, parsed on first use; `undefined` when it is not JSON. */
  readonly json: unknown
  /** Milliseconds since 1970 at which the request head arrived. */
  readonly receivedAt: number
  /** The name of the scenario that answered; `script` for a test's own reply, `undefined` for other endpoints. */
  readonly scenario: string | undefined
  /** The usage that the bytes sent so far report, later values replacing earlier ones; `undefined` when none did. */
  readonly usage: ReportedUsage | undefined
  /** The model that the reply named, which is the one to price it at. */
  readonly costBasisModel: string | undefined
  /** 0 until the head went out. */
  readonly responseStatus: number
  /** The exact bytes of the answer's body, the first 8 MiB of it. */
  readonly responseBytes: Uint8Array
  /** How long the body was, beyond the cap too. */
  readonly responseLength: number
  readonly outcome: CallOutcome
  /** Milliseconds since 1970 at which the answer ended. */
  readonly closedAt: number | undefined
  /** Resolves when the answer has ended, in whatever way. */
  readonly settled: Promise<void>
  /** Which connection the request came on: equal numbers mean the client kept it alive. */
  readonly socketId: number
}

/** How much of an answer a call keeps. */
export const RESPONSE_CAP_BYTES: number = 8 * 1024 * 1024

const TAIL_CHUNKS = 4
const NO_BYTES = new Uint8Array(0)

/** The recording behind a {@link RehearsalCall}; only the server writes to it. */
export class LiveCall implements RehearsalCall {
  readonly id: number
  readonly method: string
  readonly target: string
  readonly path: string
  readonly rawHeaders: readonly (readonly [string, string])[]
  readonly receivedAt: number
  readonly socketId: number
  readonly settled: Promise<void>
  body: Uint8Array = NO_BYTES
  scenario: string | undefined
  responseStatus = 0
  responseHeaders: readonly (readonly [string, string])[] = []
  responseLength = 0
  outcome: CallOutcome = 'pending'
  closedAt: number | undefined
  readonly #keepsResponse: boolean
  readonly #settle: () => void
  #kept: Uint8Array[] = []
  #keptLength = 0
  #tail: Uint8Array[] = []
  #parsed: { readonly value: unknown } | undefined
  #reported: { readonly length: number; readonly value: Reported } | undefined

  constructor(head: {
    readonly id: number
    readonly method: string
    readonly target: string
    readonly rawHeaders: readonly string[]
    readonly receivedAt: number
    readonly socketId: number
    readonly keepsResponse: boolean
  }) {
    this.id = head.id
    this.method = head.method
    this.target = head.target
    const query = head.target.indexOf('?')
    this.path = query < 0 ? head.target : head.target.slice(0, query)
    const pairs: (readonly [string, string])[] = []
    for (let index = 0; index + 1 < head.rawHeaders.length; index += 2) {
      pairs.push([head.rawHeaders[index] ?? '', head.rawHeaders[index + 1] ?? ''])
    }
    this.rawHeaders = pairs
    this.receivedAt = head.receivedAt
    this.socketId = head.socketId
    this.#keepsResponse = head.keepsResponse
    const { promise, resolve } = Promise.withResolvers<void>()
    this.settled = promise
    this.#settle = resolve
  }

  header(name: string): string | undefined {
    const wanted = name.toLowerCase()
    return this.rawHeaders.find(([key]) => key.toLowerCase() === wanted)?.[1]
  }

  get json(): unknown {
    this.#parsed ??= { value: parseJson(this.body) }
    return this.#parsed.value
  }

  get responseBytes(): Uint8Array {
    if (this.#kept.length > 1) this.#kept = [joinBytes(this.#kept)]
    return this.#kept[0] ?? NO_BYTES
  }

  get usage(): ReportedUsage | undefined {
    return this.#report().usage
  }

  get costBasisModel(): string | undefined {
    return this.#report().model
  }

  /** Takes note of a chunk that was handed to the socket. */
  wrote(chunk: Uint8Array): void {
    this.responseLength += chunk.length
    if (!this.#keepsResponse) return
    const room = RESPONSE_CAP_BYTES - this.#keptLength
    if (room >= chunk.length) {
      this.#kept.push(chunk)
      this.#keptLength += chunk.length
      return
    }
    if (room > 0) this.#kept.push(chunk.subarray(0, room))
    this.#keptLength = RESPONSE_CAP_BYTES
    this.#tail.push(chunk)
    if (this.#tail.length > TAIL_CHUNKS) this.#tail.shift()
  }

  /** Closes the record; only the first outcome counts. */
  close(outcome: CallOutcome, at: number): void {
    if (this.outcome !== 'pending') return
    this.outcome = outcome
    this.closedAt = at
    this.#settle()
  }

  #report(): Reported {
    if (this.#reported?.length !== this.responseLength) {
      const tail = this.#tail.length === 0 ? [] : [new TextEncoder().encode('\n\n'), ...this.#tail]
      this.#reported = {
        length: this.responseLength,
        value: readReported(joinBytes([this.responseBytes, ...tail]), this.responseHeaders),
      }
    }
    return this.#reported.value
  }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return undefined
  }
}
