import { canonicalJson, type Clock } from '@sluice/core'
import type { Answer } from './route.ts'
import { sha256Hex } from './plain.ts'
import { badRequest, conflict, Refusal } from './refusal.ts'

/** Options of {@link idempotency}. */
export interface IdempotencyOptions {
  readonly clock: Pick<Clock, 'now'>
  /** At most this many keys are remembered; the oldest go first. @defaultValue 1000 */
  readonly maxKeys?: number
  /** How long a key is remembered. @defaultValue 86_400_000 (a day) */
  readonly keepMillis?: number
}

/** Remembers answers to writes by the `Idempotency-Key` of their caller. */
export interface Idempotency {
  /**
   * Makes a write, or repeats the answer that the same write got under the same key. Racing repeats get one answer, of one write. A write that failed is
   * forgotten, so that it can be tried again. What is shown once is never kept: repeating such a call tells what became of it, not the secret.
   *
   * @throws Refusal 422 where the key was used for something else, 409 for what is shown once
   */
  readonly once: (key: string, caller: string, what: string, body: unknown, write: () => Promise<Answer>) => Promise<Answer>
}

interface Remembered {
  readonly bodyHash: string
  readonly at: number
  readonly answer: Promise<Answer>
}

/** In the memory of one process: replicas do not know of each other's keys. */
export function idempotency(options: IdempotencyOptions): Idempotency {
  const { clock, maxKeys = 1000, keepMillis = 86_400_000 } = options
  const remembered = new Map<string, Remembered>()
  const forgetOld = (): void => {
    // In order of time, as a map keeps it.
    for (const [key, { at }] of remembered) {
      if (remembered.size <= maxKeys && at + keepMillis > clock.now()) return
      remembered.delete(key)
    }
  }
  return {
    once: async (key, caller, what, body, write) => {
      if (!/^[\x21-\x7e]{1,200}$/.test(key)) throw badRequest('Idempotency-Key: give 1 to 200 printable characters without spaces, such as a UUID.')
      const place = `${caller}\n${what}\n${key}`
      const bodyHash = await sha256Hex(canonicalJson(body))
      forgetOld()
      const before = remembered.get(place)
      if (before !== undefined) {
        if (before.bodyHash !== bodyHash)
          throw new Refusal(422, 'invalid_request_error', 'This Idempotency-Key was used for another body. Take a new key for a new write.')
        const answer = await before.answer
        if (answer.onRepeat !== undefined) throw conflict(answer.onRepeat)
        return answer
      }
      const written = write()
      // What is shown once leaves with the first answer, and stays in no memory.
      const kept = written.then((answer) => (answer.onRepeat === undefined ? answer : { ...answer, body: {} }))
      remembered.set(place, { bodyHash, at: clock.now(), answer: kept })
      forgetOld()
      try {
        await kept
      } catch {
        remembered.delete(place)
      }
      return written
    },
  }
}
