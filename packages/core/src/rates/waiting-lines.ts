import type { Clock } from '../host.ts'

/** A place in a line. */
export interface Turn {
  readonly line: string
  /**
   * Waits until there is reason to try: this one has come to the head of its line, something was given back since it last waited, or `retryInMillis` have passed
   * at the head. Resolves at `deadlineAt` in any case.
   * @throws whatever the signal was aborted with
   */
  readonly wait: (retryInMillis: number | undefined) => Promise<void>
  readonly isAtHead: () => boolean
  /** Steps out of the line, whether served or not. Idempotent. */
  readonly leave: () => void
}

/** Who stands in line, and until when. */
export interface Waiter {
  /** Lines take turns between groups, and are first come, first served within one. */
  readonly group: string
  readonly signal: AbortSignal
  readonly deadlineAt: number
}

interface Standing {
  readonly group: string
  isReady: boolean
  /** Set while it waits. */
  wake: (() => void) | undefined
}

interface Line {
  /** Stays the head until it leaves, whoever else comes. */
  head: Standing | undefined
  /** Groups in the order of their turns, heads included. */
  readonly groups: Map<string, Standing[]>
  length: number
}

/** Lines of exchanges that wait for a bucket or a room, in this process. Only the head of a line tries; the others sleep. */
export class WaitingLines {
  readonly #clock: Clock
  readonly #maxWaiting: number
  readonly #lines = new Map<string, Line>()

  constructor(clock: Clock, maxWaiting: number) {
    this.#clock = clock
    this.#maxWaiting = maxWaiting
  }

  /** How many stand in a line. */
  waiting(line: string): number {
    return this.#lines.get(line)?.length ?? 0
  }

  /** How many stand in all lines together. */
  get size(): number {
    let size = 0
    for (const { length } of this.#lines.values()) size += length
    return size
  }

  /** Something was given back: the head may try. */
  wake(line: string): void {
    const head = this.#lines.get(line)?.head
    if (head !== undefined) call(head)
  }

  /** Stands at the end of its group. Undefined where the line is as long as it may be. */
  join(name: string, { group, signal, deadlineAt }: Waiter): Turn | undefined {
    const line = this.#lines.get(name) ?? { head: undefined, groups: new Map<string, Standing[]>(), length: 0 }
    if (line.length >= this.#maxWaiting) return undefined
    this.#lines.set(name, line)
    line.length += 1
    const standing: Standing = { group, isReady: false, wake: undefined }
    const others = line.groups.get(group)
    if (others === undefined) line.groups.set(group, [standing])
    else others.push(standing)
    this.#nextHead(line)
    let isInLine = true
    return {
      line: name,
      isAtHead: () => line.head === standing,
      wait: (retryInMillis) => this.#wait(line, standing, signal, deadlineAt, retryInMillis),
      leave: () => {
        if (!isInLine) return
        isInLine = false
        line.length -= 1
        if (line.length === 0) this.#lines.delete(name)
        const isHead = line.head === standing
        leaveGroup(line, standing, isHead)
        if (isHead) line.head = undefined
        this.#nextHead(line)
      },
    }
  }

  /** The first of the group whose turn it is. */
  #nextHead(line: Line): void {
    if (line.head !== undefined) return
    line.head = line.groups.values().next().value?.[0]
    if (line.head !== undefined) call(line.head)
  }

  async #wait(line: Line, standing: Standing, signal: AbortSignal, deadlineAt: number, retryInMillis: number | undefined): Promise<void> {
    signal.throwIfAborted()
    if (standing.isReady) return void (standing.isReady = false)
    const leftMillis = deadlineAt - this.#clock.now()
    const isHead = line.head === standing
    const delay = isHead && retryInMillis !== undefined ? Math.min(retryInMillis, leftMillis) : leftMillis
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const onAbort = (): void => reject(signal.reason)
    const cancel = this.#clock.after(Math.max(0, delay), resolve)
    signal.addEventListener('abort', onAbort, { once: true })
    standing.wake = resolve
    try {
      await promise
      standing.isReady = false
    } finally {
      standing.wake = undefined
      cancel()
      signal.removeEventListener('abort', onAbort)
    }
  }
}

function call(standing: Standing): void {
  standing.isReady = true
  standing.wake?.()
}

/** A group whose head leaves goes behind the others. */
function leaveGroup({ groups }: Line, standing: Standing, isHead: boolean): void {
  const others = groups.get(standing.group)?.filter((other) => other !== standing) ?? []
  if (isHead || others.length === 0) groups.delete(standing.group)
  if (others.length > 0) groups.set(standing.group, others)
}
