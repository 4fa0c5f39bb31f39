import type { Host } from '../host.ts'
import type { HeaderList } from '../wire/header-list.ts'
import type { Observer } from './observer.ts'
import type { SseFrame } from '../wire/sse-frames.ts'

/** A promise of an observer that has not settled so long after the end is reported. */
const stuckAfterMillis = 5_000
/** An observer with this many calls under way is left out from then on: its backlog must not grow with the stream. */
const mostUnderWay = 256

interface Watcher {
  readonly observer: Observer
  underWay: number
  isDropped: boolean
}

/** Calls an exchange's observers so that none can hurt the stream or another. */
export class Observers {
  readonly #host: Host
  readonly #exchangeId: string
  readonly #watchers: Watcher[] = []
  #cancelLastLook: (() => void) | undefined

  constructor(host: Host, exchangeId: string) {
    this.#host = host
    this.#exchangeId = exchangeId
  }

  add(observer: Observer): void {
    this.#watchers.push({ observer, underWay: 0, isDropped: false })
  }

  head(status: number, headers: HeaderList): void {
    for (const watcher of this.#watchers) this.#call(watcher, () => watcher.observer.onHead?.(status, headers))
  }

  frame(frame: SseFrame): void {
    for (const watcher of this.#watchers) if (watcher.observer.onFrame !== undefined) this.#call(watcher, () => watcher.observer.onFrame?.(frame))
  }

  message(message: unknown): void {
    for (const watcher of this.#watchers) this.#call(watcher, () => watcher.observer.onMessage?.(message))
  }

  end(): void {
    for (const watcher of this.#watchers) this.#call(watcher, () => watcher.observer.onEnd?.())
    if (!this.#watchers.some((watcher) => watcher.underWay > 0)) return
    this.#cancelLastLook = this.#host.clock.after(stuckAfterMillis, () => {
      for (const { observer, underWay } of this.#watchers) {
        if (underWay > 0) this.#fault('observer-stuck', observer, `${underWay} of its calls have not settled ${stuckAfterMillis} ms after the end`)
      }
    })
  }

  #call(watcher: Watcher, call: () => void | Promise<void>): void {
    if (watcher.isDropped) return
    try {
      const pending = call()
      if (pending === undefined) return
      watcher.underWay += 1
      if (watcher.underWay === mostUnderWay) {
        watcher.isDropped = true
        this.#fault('observer-stuck', watcher.observer, `${mostUnderWay} of its calls are under way; it sees no more of this exchange`)
      }
      pending.then(
        () => this.#settled(watcher),
        (cause: unknown) => {
          this.#settled(watcher)
          this.#fault('observer-threw', watcher.observer, 'a promise of it was rejected', cause)
        },
      )
    } catch (cause) {
      this.#fault('observer-threw', watcher.observer, 'it threw', cause)
    }
  }

  #settled(watcher: Watcher): void {
    watcher.underWay -= 1
    if (this.#watchers.every(({ underWay }) => underWay === 0)) this.#cancelLastLook?.()
  }

  #fault(code: 'observer-threw' | 'observer-stuck', observer: Observer, what: string, cause?: unknown): void {
    this.#host.onFault({
      code,
      message: `observer "${observer.name}": ${what}`,
      exchangeId: this.#exchangeId,
      source: observer.name,
      ...(cause !== undefined && { cause }),
    })
  }
}
