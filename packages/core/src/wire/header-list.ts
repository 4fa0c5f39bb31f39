/**
 * Headers as they stood on the wire: order, letter case and repetition kept.
 * A `Map` or `Headers` would merge and re-case them, and the upstream judges a client by its shape.
 */
export type HeaderList = readonly (readonly [name: string, value: string])[]

/** The first value of a header, by lower-case name. */
export function headerValue(headers: HeaderList, lowerName: string): string | undefined {
  for (const [name, value] of headers) if (name.length === lowerName.length && name.toLowerCase() === lowerName) return value
  return undefined
}

/** Every value of a header, by lower-case name, in order. */
export function headerValues(headers: HeaderList, lowerName: string): readonly string[] {
  return headers.filter(([name]) => name.toLowerCase() === lowerName).map(([, value]) => value)
}

/** Headers that belong to one connection (RFC 9110 §7.6.1), plus those that `Connection` names: they end at each hop, both ways. */
const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** The list without hop-by-hop headers and without those that `drop` holds (lower-case names). */
export function endToEndHeaders(headers: HeaderList, drop: (lowerName: string) => boolean): (readonly [string, string])[] {
  let named: Set<string> | undefined
  const kept: (readonly [string, string])[] = []
  for (const header of headers) {
    if (header[0].length !== 10 || header[0].toLowerCase() !== 'connection') continue
    for (const token of header[1].split(',')) {
      const name = token.trim().toLowerCase()
      if (name !== '' && name !== 'close' && name !== 'keep-alive') (named ??= new Set()).add(name)
    }
  }
  for (const header of headers) {
    const name = header[0].toLowerCase()
    if (!hopByHop.has(name) && named?.has(name) !== true && !drop(name)) kept.push(header)
  }
  return kept
}
