import type { Clock } from '../host.ts'

/** What a silent stream is owed. */
export interface WatchdogOptions {
  readonly clock: Clock
  /** Silence after which the stream counts as dead. */
  readonly idleMillis: number
}

/** What is watched. */
export interface Watched {
  /** It has been silent for so long that it is owed a sign of life. */
  readonly onSilence: () => void
  /** It counts as dead. */
  readonly onIdle: () => void
}

/**
 * Watches one stream for silence with a single timer, whatever the number of chunks: activity is a time stamp, and the timer looks at it when it fires.
 * What the gateway itself writes is no activity: a ping must not hide a dead upstream.
 */
export class Watchdog {
  readonly #watched: Watched
  readonly #options: WatchdogOptions
  readonly #heartbeatMillis: number | undefined
  #lastActivity: number
  #lastBeat: number
  #cancel: () => void

  /** @param heartbeatMillis - silence after which `onSilence` is called, and again after as much more; undefined for never */
  constructor(watched: Watched, options: WatchdogOptions, heartbeatMillis: number | undefined) {
    this.#watched = watched
    this.#options = options
    this.#heartbeatMillis = heartbeatMillis
    this.#lastActivity = options.clock.now()
    this.#lastBeat = this.#lastActivity
    this.#cancel = this.#schedule()
  }

  /** Something arrived. */
  activity(): void {
    this.#lastActivity = this.#options.clock.now()
  }

  stop(): void {
    this.#cancel()
  }

  #schedule(): () => void {
    const { clock, idleMillis } = this.#options
    const heartbeatMillis = this.#heartbeatMillis
    const now = clock.now()
    const idleIn = this.#lastActivity + idleMillis - now
    const beatIn = heartbeatMillis === undefined ? idleIn : Math.max(this.#lastActivity, this.#lastBeat) + heartbeatMillis - now
    return clock.after(Math.max(1, Math.min(idleIn, beatIn)), () => this.#look())
  }

  #look(): void {
    const { clock, idleMillis } = this.#options
    const heartbeatMillis = this.#heartbeatMillis
    const now = clock.now()
    if (now - this.#lastActivity >= idleMillis) return this.#watched.onIdle()
    if (heartbeatMillis !== undefined && now - Math.max(this.#lastActivity, this.#lastBeat) >= heartbeatMillis) {
      this.#lastBeat = now
      this.#watched.onSilence()
    }
    this.#cancel = this.#schedule()
  }
}
