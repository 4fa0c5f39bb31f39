import type { Clock } from './host.ts'

/** Why an item was given up: there was no room for it, or what takes all others refused it for a minute. */
export type LossReason = 'full' | 'refused'

/** Options of a {@link RetryQueue}. */
export interface RetryQueueOptions<Item> {
  /** Delivers items, all or none. Delivering one twice must be harmless, also while its first delivery is still under way. */
  readonly deliver: (items: readonly Item[]) => Promise<void>
  readonly clock: Clock
  /** Most items that wait; beyond it the newest is dropped, and told as lost. */
  readonly maxItems: number
  /** True for items that are kept beyond `maxItems` too; whoever pushes them must see to it that they are few. @defaultValue none */
  readonly isEssential?: (item: Item) => boolean
  /** Most items in one delivery. */
  readonly maxBatch: number
  /** A delivery that takes longer has failed, and is made again; if it succeeds after all, that counts. @defaultValue 5_000 */
  readonly answerMillis?: number
  /** First wait after a failure; doubles up to `maxDelayMillis`. */
  readonly firstDelayMillis: number
  readonly maxDelayMillis: number
  /** Told once when deliveries begin to fail, with the cause, and once when they work again. */
  readonly onOutage: (cause: unknown) => void
  readonly onRecovery: (delivered: number) => void
  readonly onLost: (item: Item, lostInAll: number, reason: LossReason) => void
}

interface Waiting<Item> {
  readonly item: Item
  readonly done: () => void
  /** How often it was refused where others of its batch were taken, and since when. */
  refusals: number
  refusedSince: number | undefined
}

/** So many items that fail one by one, and none that does not, are an outage. */
const mostProbes = 8
/** An item that was refused so often and for so long, while others were taken, is given up. */
const mostRefusals = 5
const mostRefusedMillis = 60_000

/**
 * Delivers items in order, in batches, until each is delivered: an outage of the store behind it loses none that fit, and a store that hangs holds up nobody for longer
 * than `answerMillis`. One delivery at a time. An item that makes its batch fail lets the others pass. Its timers run only while something is being delivered or
 * deliveries fail, and keep no process alive.
 */
export class RetryQueue<Item> {
  readonly #options: RetryQueueOptions<Item>
  #waiting: Waiting<Item>[] = []
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

  /** Items that were given up. */
  get lost(): number {
    return this.#lost
  }

  /** True while the last delivery failed. */
  get isFailing(): boolean {
    return this.#failures > 0
  }

  /** Queues an item. Resolves once it is delivered or the queue gives up waiting for it: at once in an outage, since the item will be delivered by itself. */
  push(item: Item): Promise<void> {
    const { maxItems, isEssential } = this.#options
    if (this.#waiting.length >= maxItems && isEssential?.(item) !== true) {
      this.#lose(item, 'full')
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      this.#waiting.push({ item, done: resolve, refusals: 0, refusedSince: undefined })
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
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, this.#options.maxBatch)
      const failure = await this.#deliver(batch)
      if (failure === undefined) {
        if (this.#waiting.every(({ refusals }) => refusals === 0)) this.#recover()
        continue
      }
      const isPartial = !failure.isLate && batch.length > 1 && (await this.#deliverEach(batch))
      if (!isPartial || (this.#waiting[0]?.refusals ?? 0) > 0) return this.#fail(failure.cause)
    }
    this.#recover()
  }

  /** Undefined once the batch is delivered. Never rejects. */
  async #deliver(batch: readonly Waiting<Item>[]): Promise<{ readonly cause: unknown; readonly isLate: boolean } | undefined> {
    const { deliver, clock, answerMillis = 5_000 } = this.#options
    const late = Promise.withResolvers<never>()
    let isLate = false
    const cancel = clock.after(answerMillis, () => {
      isLate = true
      late.reject(new Error(`no answer within ${answerMillis} ms`))
    })
    try {
      const delivering = deliver(batch.map(({ item }) => item)).then(() => this.#deliveredAll(batch))
      await Promise.race([delivering, late.promise])
      return undefined
    } catch (cause) {
      return { cause, isLate }
    } finally {
      cancel()
    }
  }

  /** Finds out whether everything fails, or only some of a batch. True where others were taken; those that were refused are last in line then. */
  async #deliverEach(batch: readonly Waiting<Item>[]): Promise<boolean> {
    const refused: Waiting<Item>[] = []
    let taken = 0
    for (const one of batch) {
      const failure = await this.#deliver([one])
      if (failure === undefined) taken += 1
      else refused.push(one)
      if (failure?.isLate === true || (taken === 0 && refused.length === mostProbes)) break
    }
    if (taken === 0) return false
    const now = this.#options.clock.now()
    this.#waiting = this.#waiting.filter((one) => !refused.includes(one))
    for (const one of refused) {
      one.refusals += 1
      one.refusedSince ??= now
      if (one.refusals < mostRefusals || now - one.refusedSince < mostRefusedMillis) this.#waiting.push(one)
      else {
        this.#lose(one.item, 'refused')
        one.done()
      }
    }
    return true
  }

  #deliveredAll(batch: readonly Waiting<Item>[]): void {
    const before = this.#waiting.length
    // A delivery that was given up may succeed later, when its items stand elsewhere or were delivered again.
    if (batch.every((one, index) => this.#waiting[index] === one)) this.#waiting.splice(0, batch.length)
    else {
      const taken = new Set(batch)
      this.#waiting = this.#waiting.filter((one) => !taken.has(one))
    }
    this.#delivered += before - this.#waiting.length
    for (const { done } of batch) done()
  }

  #lose(item: Item, reason: LossReason): void {
    this.#lost += 1
    this.#options.onLost(item, this.#lost, reason)
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
