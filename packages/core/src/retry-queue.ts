import type { Clock } from './host.ts'

/** Options of a {@link RetryQueue}. */
export interface RetryQueueOptions<Item> {
  /** Delivers items, all or none. Delivering one twice must be harmless. */
  readonly deliver: (items: readonly Item[]) => Promise<void>
  readonly clock: Clock
  /** Most items that wait; beyond it the newest is dropped, and told as lost. */
  readonly maxItems: number
  /** Most items in one delivery. */
  readonly maxBatch: number
  /** First wait after a failure; doubles up to `maxDelayMillis`. */
  readonly firstDelayMillis: number
  readonly maxDelayMillis: number
  /** Told once when deliveries begin to fail, with the cause, and once when they work again. */
  readonly onOutage: (cause: unknown) => void
  readonly onRecovery: (delivered: number) => void
  readonly onLost: (item: Item, lostInAll: number) => void
}

/**
 * Delivers items in order, in batches, until each is delivered: an outage of the store behind it loses none that fit. One delivery at a time.
 * Its timer runs only while deliveries fail, and keeps no process alive.
 */
export class RetryQueue<Item> {
  readonly #options: RetryQueueOptions<Item>
  #waiting: { readonly item: Item; readonly done: () => void }[] = []
  #delivering: Promise<void> | undefined
  #failures = 0
  #delivered = 0
  #lost = 0
  #cancelTimer: (() => void) | undefined

  constructor(options: RetryQueueOptions<Item>) {
    this.#options = options
  }

  /** Items that wait or are being delivered. */
  get size(): number {
    return this.#waiting.length
  }

  /** Items that were dropped for want of room. */
  get lost(): number {
    return this.#lost
  }

  /** True while the last delivery failed. */
  get isFailing(): boolean {
    return this.#failures > 0
  }

  /** Queues an item. Resolves once it is delivered or the queue gives up waiting for it: at once in an outage, since the item will be delivered by itself. */
  push(item: Item): Promise<void> {
    if (this.#waiting.length >= this.#options.maxItems) {
      this.#lost += 1
      this.#options.onLost(item, this.#lost)
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      this.#waiting.push({ item, done: resolve })
      if (this.#failures > 0) resolve()
      if (this.#cancelTimer === undefined) void this.#start()
    })
  }

  /** Tries at once to deliver all that waits. Resolves with how many still do: 0, unless deliveries fail. */
  async flush(): Promise<number> {
    await this.#delivering
    if (this.#waiting.length > 0) await this.#start()
    return this.#waiting.length
  }

  #start(): Promise<void> {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#delivering ??= this.#deliverAll().finally(() => {
      this.#delivering = undefined
      if (this.#waiting.length > 0 && this.#cancelTimer === undefined) void this.#start()
    })
    return this.#delivering
  }

  async #deliverAll(): Promise<void> {
    // What is pushed in the same turn goes along.
    await Promise.resolve()
    try {
      while (this.#waiting.length > 0) {
        const batch = this.#waiting.slice(0, this.#options.maxBatch)
        await this.#options.deliver(batch.map(({ item }) => item))
        this.#waiting.splice(0, batch.length)
        this.#delivered += batch.length
        for (const { done } of batch) done()
        this.#recover()
      }
    } catch (cause) {
      this.#fail(cause)
    }
  }

  #recover(): void {
    if (this.#failures === 0) return
    this.#failures = 0
    this.#options.onRecovery(this.#delivered)
  }

  #fail(cause: unknown): void {
    const { clock, firstDelayMillis, maxDelayMillis, onOutage } = this.#options
    if (this.#failures === 0) {
      this.#delivered = 0
      onOutage(cause)
    }
    for (const { done } of this.#waiting) done()
    const delay = Math.min(maxDelayMillis, firstDelayMillis * 2 ** Math.min(20, this.#failures))
    this.#failures += 1
    this.#cancelTimer = clock.after(delay, () => void this.#start())
  }
}
