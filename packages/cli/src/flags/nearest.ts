/** The candidate that is most like what was typed; undefined where none is near enough to be meant. */
export function nearest(typed: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(2, Math.floor(typed.length / 3)) + 1
  for (const candidate of candidates) {
    const distance = candidate.startsWith(typed) && typed.length >= 3 ? 1 : editDistance(typed.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance]
  }
  return best
}

/** " Did you mean X?", or nothing. */
export function didYouMean(typed: string, candidates: readonly string[], toText: (candidate: string) => string = (candidate) => candidate): string {
  const found = nearest(typed, candidates)
  return found === undefined ? '' : ` Did you mean ${toText(found)}?`
}

/** Insertions, deletions and replacements between two texts (Levenshtein). */
function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, at) => at)
  for (let at = 1; at <= left.length; at += 1) {
    const next = [at]
    for (let other = 1; other <= right.length; other += 1) {
      const replaced = (row[other - 1] as number) + (left[at - 1] === right[other - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[other] as number) + 1, (next[other - 1] as number) + 1))
    }
    row = next
  }
  return row[right.length] as number
}
