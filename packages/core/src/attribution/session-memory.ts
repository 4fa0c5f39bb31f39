import type { Clock } from '../host.ts'

/** What is remembered of a session. Lives in memory only. */
export interface RememberedSession {
  /** Undefined where the session has spoken and no label was fit to keep. */
  readonly label: string | undefined
  /** The directory that the label came from; never recorded anywhere. */
  readonly path: string | undefined
}

/** Most side calls that wait for their session's repository at one time. */
export const maxWaiters = 1000

/** The least recently used sessions are forgotten first. Keys hold the tenant, so one tenant's session never answers for another's. */
export class SessionMemory {
  readonly #maxSessions: number
  readonly #clock: Clock
  readonly #sessions = new Map<string, RememberedSession>()
  readonly #waiting = new Map<string, Set<() => void>>()
  #waiters = 0

  constructor(maxSessions: number, clock: Clock) {
    this.#maxSessions = maxSessions
    this.#clock = clock
  }

  /** Sessions remembered. */
  get size(): number {
    return this.#sessions.size
  }

  /** What is known; counts as a use. */
  recall(key: string): RememberedSession | undefined {
    const session = this.#sessions.get(key)
    if (session !== undefined) this.#put(key, session)
    return session
  }

  /** Remembers, and tells whoever waits. */
  remember(key: string, session: RememberedSession): void {
    this.#put(key, session)
    if (this.#sessions.size > this.#maxSessions) this.#sessions.delete(this.#sessions.keys().next().value as string)
    for (const wake of this.#waiting.get(key) ?? []) wake()
  }

  /** What is known now, or becomes known within `atMostMillis`. Does not wait where too many do already. */
  async await(key: string, atMostMillis: number): Promise<RememberedSession | undefined> {
    const known = this.recall(key)
    if (known !== undefined || this.#waiters >= maxWaiters) return known
    await new Promise<void>((resolve) => {
      const waiting = this.#waiting.get(key) ?? new Set()
      const done = (): void => {
        cancel()
        waiting.delete(done)
        if (waiting.size === 0) this.#waiting.delete(key)
        this.#waiters -= 1
        resolve()
      }
      const cancel = this.#clock.after(atMostMillis, done)
      this.#waiting.set(key, waiting.add(done))
      this.#waiters += 1
    })
    return this.recall(key)
  }

  #put(key: string, session: RememberedSession): void {
    this.#sessions.delete(key)
    this.#sessions.set(key, session)
  }
}
