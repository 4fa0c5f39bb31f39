/** Rows of one block. */
export const blockRows = 4_096

/**
 * A queue of numbered rows, kept in blocks of columns. Rows are numbered from 0 on and never again, so a number stays good until its row is dropped.
 * It grows a block at a time, and the block that was dropped last becomes the next one: a full queue allocates nothing.
 */
export class Blocks<Block> {
  readonly #create: () => Block
  readonly #blocks: Block[] = []
  #spare: Block | undefined
  #dropped = 0
  #first = 0
  #end = 0

  constructor(create: () => Block) {
    this.#create = create
  }

  /** The oldest row. */
  get first(): number {
    return this.#first
  }

  /** One past the newest row. */
  get end(): number {
    return this.#end
  }

  get size(): number {
    return this.#end - this.#first
  }

  /** Adds a row, whose columns hold anything. */
  push(): number {
    if (this.#end % blockRows === 0) {
      this.#blocks.push(this.#spare ?? this.#create())
      this.#spare = undefined
    }
    this.#end += 1
    return this.#end - 1
  }

  /** Drops the oldest row. */
  shift(): void {
    this.#first += 1
    if (this.#first % blockRows !== 0) return
    this.#spare = this.#blocks.shift()
    this.#dropped += 1
  }

  /** The block of a row, which is at `row % blockRows` in it. */
  of(row: number): Block {
    return this.#blocks[Math.floor(row / blockRows) - this.#dropped] as Block
  }
}
