import { crc32 } from './crc32.ts'

/** How the two sides of an exchange are proven equal. `crc32` finds every accident; `sha256` also withstands intent, for audit; `none` proves nothing, and costs nothing. */
export type DigestAlgorithm = 'crc32' | 'sha256' | 'none'

/** A running digest. */
export interface Digest {
  readonly update: (chunk: Uint8Array) => void
  /** A digest that goes on from here by itself. */
  readonly fork: () => Digest
  /** `algorithm:hex` of everything so far; undefined where none is taken. */
  readonly value: () => string | undefined
}

/** Makes digests. Runtimes offer native ones; {@link checksumDigests} runs anywhere. */
export interface DigestFactory {
  readonly algorithm: DigestAlgorithm
  readonly create: () => Digest
}

/** A `crc32` (ISO-HDLC, as in zlib) step: continues `previous` over `chunk`. */
export type Crc32 = (chunk: Uint8Array, previous: number) => number

/** CRC-32 digests, on a native `crc32` where the runtime has one. */
export function checksumDigests(step: Crc32 = crc32): DigestFactory {
  const continueFrom = (start: number): Digest => {
    let sum = start
    return {
      update: (chunk) => {
        sum = step(chunk, sum)
      },
      fork: () => continueFrom(sum),
      value: () => `crc32:${(sum >>> 0).toString(16).padStart(8, '0')}`,
    }
  }
  return { algorithm: 'crc32', create: () => continueFrom(0) }
}

const noDigest: Digest = { update: () => undefined, fork: () => noDigest, value: () => undefined }

/** Takes none. */
export const noDigests: DigestFactory = { algorithm: 'none', create: () => noDigest }

/** The digest of bytes that are all here. */
export function digestOf(factory: DigestFactory, chunks: readonly Uint8Array[]): string | undefined {
  const digest = factory.create()
  for (const chunk of chunks) digest.update(chunk)
  return digest.value()
}

/**
 * Digests of what came in and what went on. While both are the very same chunks one digest serves both;
 * from the first byte that only one side saw they go separate ways.
 */
export class PairedDigest {
  #received: Digest
  #delivered: Digest

  constructor(factory: DigestFactory) {
    this.#received = factory.create()
    this.#delivered = this.#received
  }

  /** The chunk was received and handed on, unchanged. */
  both(chunk: Uint8Array): void {
    this.#received.update(chunk)
    if (this.#delivered !== this.#received) this.#delivered.update(chunk)
  }

  /** The chunk was received and not handed on. */
  receivedOnly(chunk: Uint8Array): void {
    this.#part()
    this.#received.update(chunk)
  }

  /** The chunk is the gateway's own. */
  deliveredOnly(chunk: Uint8Array): void {
    this.#part()
    this.#delivered.update(chunk)
  }

  get received(): string | undefined {
    return this.#received.value()
  }

  get delivered(): string | undefined {
    return this.#delivered.value()
  }

  #part(): void {
    if (this.#delivered === this.#received) this.#delivered = this.#received.fork()
  }
}
