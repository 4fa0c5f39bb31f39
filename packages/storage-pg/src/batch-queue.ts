import { StoreError } from './store-error.ts'

/** One item under way, and who waits for it. */
interface Waiting<Item> {
  readonly key: string
  readonly item: Item
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * Writes items in batches, in order: while one batch is on its way, the next gathers, so that a busy process makes few large transactions and an idle one waits for
 * nothing. Of items with one key, the later waits for a batch of its own. An item that the store rejects does not sink its batch: the batch is split until it stands alone.
 */
export class BatchQueue<Item> {
  readonly #write: (items: readonly Item[]) => Promise<void>
  readonly #maxItems: number
  #waiting: Waiting<Item>[] = []
  #draining: Promise<void> | undefined
  #isClosed = false

  constructor(write: (items: readonly Item[]) => Promise<void>, maxItems: number) {
    this.#write = write
    this.#maxItems = maxItems
  }

  /** Resolves once the item is written. @throws StoreError */
  add(key: string, item: Item): Promise<void> {
    if (this.#isClosed) return Promise.reject(new StoreError('closed', 'The store was closed.'))
    return new Promise((resolve, reject) => {
      this.#waiting.push({ key, item, resolve, reject })
      this.#draining ??= this.#drain()
    })
  }

  /** Takes no more, and resolves once what was taken is written or refused. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#draining
  }

  async #drain(): Promise<void> {
    // A turn of the microtasks: callers that come together go together.
    await Promise.resolve()
    while (this.#waiting.length > 0) await this.#writeAll(this.#take())
    this.#draining = undefined
  }

  #take(): readonly Waiting<Item>[] {
    const batch: Waiting<Item>[] = []
    const later: Waiting<Item>[] = []
    const keys = new Set<string>()
    for (const one of this.#waiting) {
      const isNext = batch.length < this.#maxItems && !keys.has(one.key)
      keys.add(one.key)
      if (isNext) batch.push(one)
      else later.push(one)
    }
    this.#waiting = later
    return batch
  }

  async #writeAll(batch: readonly Waiting<Item>[]): Promise<void> {
    try {
      await this.#write(batch.map(({ item }) => item))
    } catch (error) {
      const isPoisoned = error instanceof StoreError && error.code === 'rejected' && batch.length > 1
      if (!isPoisoned) {
        for (const { reject } of batch) reject(error)
        return
      }
      const half = batch.length >> 1
      await this.#writeAll(batch.slice(0, half))
      await this.#writeAll(batch.slice(half))
      return
    }
    for (const { resolve } of batch) resolve()
  }
}
