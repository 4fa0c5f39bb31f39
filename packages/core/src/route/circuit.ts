/** When a {@link Circuit} opens and how long it stays so. */
export interface CircuitLimits {
  readonly faults: number
  readonly withinMillis: number
  readonly openMillis: number
  readonly busyMillis: number
  readonly mostBusyMillis: number
}

/**
 * How a try ended, for health. `answered`: a reply that is no error; `fault`: unreachable, no head in time, or a 5xx; `load`: 429 or 529;
 * `nothing`: what says nothing of the upstream: the client's own error, a client that left.
 */
export type CircuitEnd = { readonly kind: 'answered' | 'fault' | 'nothing' } | { readonly kind: 'load'; readonly retryAfterMillis: number | undefined }

/** A try under way. */
export interface CircuitTrial {
  /** Tells how it ended. Only the first call counts. */
  readonly end: (end: CircuitEnd) => void
}

/** What is known of one upstream and model, from what tries came to. Says who may try; nothing is sent by itself. */
export class Circuit {
  readonly #limits: CircuitLimits
  /** Times of the faults since the last answer. */
  #faults: readonly number[] = []
  #openedAt: number | undefined
  #openUntil = 0
  #busyUntil = 0
  #isProbing = false
  #underWay = 0

  constructor(limits: CircuitLimits) {
    this.#limits = limits
  }

  state(now: number): 'closed' | 'open' | 'half-open' {
    if (this.#openedAt === undefined) return 'closed'
    return now < this.#openUntil ? 'open' : 'half-open'
  }

  /** Faults in a row that still count. */
  faults(now: number): number {
    return this.#faults.filter((at) => at > now - this.#limits.withinMillis).length
  }

  get openUntil(): number | undefined {
    return this.#openedAt === undefined ? undefined : this.#openUntil
  }

  busyUntil(now: number): number | undefined {
    return now < this.#busyUntil ? this.#busyUntil : undefined
  }

  get isProbing(): boolean {
    return this.#isProbing
  }

  get underWay(): number {
    return this.#underWay
  }

  /** True where nothing bad is known. */
  isPlain(now: number): boolean {
    return this.#openedAt === undefined && !this.#isProbing && now >= this.#busyUntil && this.faults(now) === 0
  }

  /** True where it should not be asked while there is another. */
  isAvoided(now: number): boolean {
    if (now < this.#busyUntil) return true
    const state = this.state(now)
    return state === 'open' || (state === 'half-open' && this.#isProbing)
  }

  /** A try begins; where the circuit is half-open, it is the probe. */
  begin(now: number, clock: () => number): CircuitTrial {
    const isProbe = this.state(now) === 'half-open' && !this.#isProbing
    if (isProbe) this.#isProbing = true
    this.#underWay += 1
    let isEnded = false
    return {
      end: (end) => {
        if (isEnded) return
        isEnded = true
        this.#underWay -= 1
        if (isProbe) this.#isProbing = false
        this.#learn(end, now, clock())
      },
    }
  }

  #learn(end: CircuitEnd, startedAt: number, now: number): void {
    const { faults, withinMillis, openMillis, busyMillis, mostBusyMillis } = this.#limits
    if (end.kind === 'load') this.#busyUntil = Math.max(this.#busyUntil, now + Math.min(end.retryAfterMillis ?? busyMillis, mostBusyMillis))
    // What began before it opened says nothing of what came after.
    if (this.#openedAt !== undefined && startedAt < this.#openedAt) return
    if (end.kind === 'answered') {
      this.#openedAt = undefined
      this.#faults = []
    } else if (end.kind === 'fault') {
      this.#faults = [...this.#faults.filter((at) => at > now - withinMillis), now].slice(-faults)
      if (this.#openedAt === undefined && this.#faults.length < faults) return
      this.#openedAt = now
      this.#openUntil = now + openMillis
    }
  }
}
