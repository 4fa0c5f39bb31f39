/** A byte-pair encoding takes time by the square of a run without a boundary: 200 kB of one letter are 24 seconds. Runs are cut at this many characters. */
export const mostRunCharacters = 256

const longRuns = new RegExp(`\\S{${mostRunCharacters + 1},}|\\s{${mostRunCharacters + 1},}`, 'g')

/**
 * Cuts a text into pieces that can be encoded each by itself in time that is linear: long runs of letters or of white space in parts, the rest in pieces of about
 * `pieceCharacters`, between words, where the encoding has a boundary anyhow. The pieces are the text, in order.
 */
export function* piecesOf(text: string, pieceCharacters: number): Generator<string, void, void> {
  let at = 0
  for (const run of text.matchAll(longRuns)) {
    yield* wordsOf(text, at, run.index, pieceCharacters)
    at = run.index + run[0].length
    yield* partsOf(text, run.index, at)
  }
  yield* wordsOf(text, at, text.length, pieceCharacters)
}

function* partsOf(text: string, start: number, end: number): Generator<string, void, void> {
  for (let at = start; at < end;) {
    let next = Math.min(end, at + mostRunCharacters)
    if (next < end && isHighSurrogate(text.charCodeAt(next - 1))) next -= 1
    yield text.slice(at, next)
    at = next
  }
}

function* wordsOf(text: string, start: number, end: number, pieceCharacters: number): Generator<string, void, void> {
  for (let at = start; at < end;) {
    const next = end - at <= pieceCharacters ? end : boundaryAfter(text, at + pieceCharacters, end)
    yield text.slice(at, next)
    at = next
  }
}

/** Before a blank or a sign that comes after a letter or digit, every such encoding has a boundary. */
const boundary = /[A-Za-z0-9](?=[ \n"{},:;()[\]<>=.])/
/** A boundary is looked for so far. */
const windowCharacters = 1_024

/** The next place to cut; where no boundary comes soon, any. */
function boundaryAfter(text: string, from: number, end: number): number {
  const found = text.slice(from, Math.min(end, from + windowCharacters)).search(boundary)
  if (found !== -1) return from + found + 1
  if (end - from <= windowCharacters) return end
  return isHighSurrogate(text.charCodeAt(from - 1)) ? from + 1 : from
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}
