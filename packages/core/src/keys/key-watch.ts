import type { Clock } from '../host.ts'
import type { KeyRecord } from '../ports/key-ring.ts'

/** What a watch needs. */
export interface KeyWatchOptions {
  readonly clock: Clock
  /** Watched keys are looked at once in so long. */
  readonly everyMillis: number
  /** Looks a key up; what it finds comes back through {@link KeyWatch.tell}. Never rejects. */
  readonly lookUp: (keyId: string) => Promise<void>
  /** Told of a callback that threw. */
  readonly onThrown: (cause: unknown) => void
}

/** Look-ups of one round that are under way at a time. */
const mostAtOnce = 16

/** Watches keys while exchanges of theirs last: one timer for all of them, and none while there are none. */
export class KeyWatch {
  readonly #options: KeyWatchOptions
  readonly #watched = new Map<string, Set<() => void>>()
  #cancelTimer: (() => void) | undefined
  #isPolling = false

  constructor(options: KeyWatchOptions) {
    this.#options = options
  }

  /** Calls back once when the key turns out to be withdrawn as leaked. Returns what ends the watch. */
  watch(keyId: string, onWithdrawn: () => void): () => void {
    // Of one callback that is given twice both are called.
    const callback = (): void => onWithdrawn()
    const callbacks = this.#watched.get(keyId) ?? new Set()
    callbacks.add(callback)
    this.#watched.set(keyId, callbacks)
    this.#schedule()
    return () => {
      callbacks.delete(callback)
      if (callbacks.size === 0 && this.#watched.get(keyId) === callbacks) this.#forget(keyId)
    }
  }

  /** Looks at a record that was found, and calls back where its key was withdrawn as leaked. */
  tell({ id, revocation }: KeyRecord): void {
    const callbacks = this.#watched.get(id)
    if (callbacks === undefined || revocation?.isLeaked !== true) return
    this.#forget(id)
    for (const callback of callbacks) {
      try {
        callback()
      } catch (cause) {
        this.#options.onThrown(cause)
      }
    }
    callbacks.clear()
  }

  #forget(keyId: string): void {
    this.#watched.delete(keyId)
    if (this.#watched.size > 0) return
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }

  #schedule(): void {
    this.#cancelTimer ??= this.#options.clock.after(this.#options.everyMillis, () => {
      this.#cancelTimer = undefined
      if (this.#watched.size === 0) return
      this.#schedule()
      if (!this.#isPolling) void this.#poll()
    })
  }

  /** One round; the next waits for it. */
  async #poll(): Promise<void> {
    this.#isPolling = true
    const keyIds = [...this.#watched.keys()].values()
    const work = async (): Promise<void> => {
      for (const keyId of keyIds) await this.#options.lookUp(keyId)
    }
    await Promise.all(Array.from({ length: mostAtOnce }, work))
    this.#isPolling = false
  }
}
