import type { Writable } from 'node:stream'

/** Lines that wait for a slow reader, in bytes, before further ones are dropped: a gateway must not fill its memory with its log. */
const maxWaitingBytes = 4 * 1024 * 1024

/** Writes lines without ever blocking or failing: a reader that is slow loses lines, and is told so; one that is gone loses all. */
export interface LineWriter {
  readonly write: (line: string) => void
}

/**
 * A line writer on a stream.
 *
 * @param toDropNotice - makes the line that says how many were dropped
 */
export function lineWriter(stream: Writable, toDropNotice: (dropped: number) => string): LineWriter {
  let isBroken = false
  let dropped = 0
  stream.on('error', () => {
    isBroken = true
  })
  return {
    write: (line) => {
      if (isBroken || stream.destroyed) return
      if (stream.writableLength > maxWaitingBytes) {
        dropped += 1
        return
      }
      if (dropped > 0) stream.write(`${toDropNotice(dropped)}\n`)
      dropped = 0
      stream.write(`${line}\n`)
    },
  }
}
