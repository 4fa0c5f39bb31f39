import type { ByteSource } from '@sluice/core'

/** More than any answer that is read whole comes to. */
const mostBytes = 256 * 1024

/**
 * A reply's body, read whole and answered with other bytes: for errors and small answers, never for a message. What is larger than anything expected
 * is read on and left out: `turn` gets its beginning.
 */
export function wholeReply(source: ByteSource, turn: (bytes: Uint8Array) => Uint8Array): ByteSource {
  return {
    pump: async (write) => {
      const parts: Uint8Array[] = []
      let total = 0
      await source.pump((chunk) => {
        const part = chunk.subarray(0, mostBytes - total)
        if (part.length > 0) parts.push(part)
        total += part.length
      })
      const whole = new Uint8Array(total)
      let at = 0
      for (const part of parts) {
        whole.set(part, at)
        at += part.length
      }
      const answer = turn(whole)
      if (answer.length > 0) await write(answer)
    },
    cancel: (reason) => source.cancel(reason),
  }
}
