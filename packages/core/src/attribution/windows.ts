import type { RequestBody } from '../exchange/request-body.ts'
import { emptyBytes } from '../wire/bytes.ts'

/** What attribution reads nearly always lies in one chunk. Where it does not, copies start at this size, and grow until they hold it. */
const firstCopyBytes = 8 * 1024
const growth = 2

/** Ever longer windows of a range, from its start: first what lies in one chunk, uncopied; last the whole range. */
export function* windowsFrom(body: RequestBody, start: number, end: number): Generator<Uint8Array, void, undefined> {
  const view = body.parts(start, end)[0] ?? emptyBytes
  yield view
  for (const length of longerThan(view.length, end - start)) yield body.range(start, start + length)
}

/** Ever longer windows of a range, back from its end: first what lies in one chunk, uncopied; last the whole range. */
export function* windowsTo(body: RequestBody, start: number, end: number): Generator<Uint8Array, void, undefined> {
  const view = body.parts(start, end).at(-1) ?? emptyBytes
  yield view
  for (const length of longerThan(view.length, end - start)) yield body.range(end - length, end)
}

function* longerThan(first: number, last: number): Generator<number, void, undefined> {
  for (let length = first; length < last;) {
    length = Math.min(last, Math.max(firstCopyBytes, length * growth))
    yield length
  }
}
