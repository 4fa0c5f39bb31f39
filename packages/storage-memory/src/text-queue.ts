const blockBytes = 256 * 1_024

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Where a text of a {@link TextQueue} is. */
export interface TextPlace {
  readonly position: number
  readonly bytes: number
}

/** Well-formed texts, first in, first out: as UTF-8 in blocks outside the heap, where the garbage collector has nothing to walk and nothing to move. */
export class TextQueue {
  readonly #blocks: Uint8Array<ArrayBuffer>[] = []
  #spare: Uint8Array<ArrayBuffer> | undefined
  #dropped = 0
  /** Bytes taken of the newest block. */
  #taken = 0

  push(text: string): TextPlace {
    const newest = this.#blocks.at(-1)
    if (newest !== undefined && this.#taken < newest.length) {
      const { read, written } = encoder.encodeInto(text, newest.subarray(this.#taken))
      if (read === text.length) return this.#take(written)
    }
    // No UTF-16 unit takes more than three bytes of UTF-8. A text that may be longer than a block has one to itself, of its own length.
    const mostBytes = text.length * 3
    const isLong = mostBytes > blockBytes
    const block = isLong ? encoder.encode(text) : (this.#spare ?? new Uint8Array(blockBytes))
    if (!isLong) this.#spare = undefined
    this.#blocks.push(block)
    this.#taken = 0
    return this.#take(isLong ? block.length : encoder.encodeInto(text, block).written)
  }

  textAt({ position, bytes }: TextPlace): string {
    const offset = position % blockBytes
    const block = this.#blocks[Math.floor(position / blockBytes) - this.#dropped] as Uint8Array<ArrayBuffer>
    return decoder.decode(block.subarray(offset, offset + bytes))
  }

  /** Frees the blocks before that of the text at this position. */
  dropBefore(position: number): void {
    const first = Math.floor(position / blockBytes)
    for (; this.#dropped < first; this.#dropped += 1) {
      const block = this.#blocks.shift()
      if (block?.length === blockBytes) this.#spare = block
    }
  }

  #take(bytes: number): TextPlace {
    const position = (this.#dropped + this.#blocks.length - 1) * blockBytes + this.#taken
    this.#taken += bytes
    return { position, bytes }
  }
}
