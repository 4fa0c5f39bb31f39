/** Orders targets for a key: the first of it in the proportion of the weights, always the same for one key, and when one goes only its own keys move (rendezvous hashing). */
export function weightedOrder<Target extends { readonly weight: number }>(
  key: string,
  targets: readonly Target[],
  nameOf: (target: Target) => string,
): readonly Target[] {
  return targets
    .map((target) => ({ target, score: -Math.log(unitHash(`${key}\n${nameOf(target)}`)) / target.weight }))
    .toSorted((left, right) => left.score - right.score)
    .map(({ target }) => target)
}

/** Of a text, a number above 0 and up to 1, evenly spread. FNV-1a, then mixed: its own high bits follow the last letters too closely. */
function unitHash(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32 + 2 ** -33
}
