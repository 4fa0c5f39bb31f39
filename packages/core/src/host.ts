import type { Fault } from './errors.ts'

/** Time as the gateway sees it; pass a manual clock and every test is exact. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number
  /** Calls back once after at least `delayMillis`; the returned function cancels it. Must not keep a process alive. */
  readonly after: (delayMillis: number, callback: () => void) => () => void
}

/** What the surroundings provide: time, identity, and where faults go. Core reaches for nothing else. */
export interface Host {
  readonly clock: Clock
  /** A new unique exchange id. */
  readonly newId: () => string
  /** Told of everything an operator must know. Must not throw. */
  readonly onFault: (fault: Fault) => void
}

/** The longest delay that runtimes' timers know (24 days); a longer one, or Infinity, would fire at once. */
const maxDelayMillis = 2 ** 31 - 1

/** The runtime's own clock. Timers are unreferenced where the runtime knows that notion. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after: (delayMillis, callback) => {
    const timer: unknown = setTimeout(callback, Math.min(delayMillis, maxDelayMillis))
    if (typeof timer === 'object' && timer !== null && 'unref' in timer) (timer as { unref: () => void }).unref()
    return () => clearTimeout(timer as number)
  },
}

/** Resolves when other work of the process has had its turn. No clock of anybody's: nothing is timed by it. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, 0))
}

const crockford = Array.from('0123456789abcdefghjkmnpqrstvwxyz', (letter) => letter.charCodeAt(0))
const idPrefix = Array.from('ex_', (letter) => letter.charCodeAt(0))
const timeLetters = 10
let randomPool = new Uint8Array(0)
let randomAt = 0

function randomBytes(count: number): Uint8Array {
  if (randomAt + count > randomPool.length) {
    randomPool = new Uint8Array(1024)
    crypto.getRandomValues(randomPool)
    randomAt = 0
  }
  randomAt += count
  return randomPool.subarray(randomAt - count, randomAt)
}

/** `ex_` + 10 characters of time + 16 of randomness (80 bits): unique, and sorted by start. */
export function newExchangeId(nowMillis: number): string {
  const codes = [...idPrefix]
  for (let rest = nowMillis, digit = timeLetters - 1; digit >= 0; digit -= 1) {
    codes[idPrefix.length + digit] = crockford[rest % 32] as number
    rest = Math.floor(rest / 32)
  }
  for (const byte of randomBytes(16)) codes.push(crockford[byte & 31] as number)
  // In one go: what is joined letter by letter stays a chain of its pieces, ten times the size, for as long as it is kept.
  return String.fromCharCode(...codes)
}

/** A {@link Host} on the runtime's own facilities, with whatever parts the caller gives. Faults are dropped unless `onFault` is given. */
export function systemHost(parts: Partial<Host> = {}): Host {
  const clock = parts.clock ?? systemClock
  const { onFault } = parts
  return {
    clock,
    newId: parts.newId ?? (() => newExchangeId(clock.now())),
    onFault: (fault) => {
      try {
        onFault?.(fault)
      } catch {
        // Faults are told from within streams and timers: an ear that throws, against its contract, must not end them.
      }
    },
  }
}
