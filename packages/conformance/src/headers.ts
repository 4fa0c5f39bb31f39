/** A header as it is on the wire: name and value, in the sender's spelling. */
export type Header = readonly [name: string, value: string]

/** Node's flat list of names and values, in pairs. */
export function toHeaders(raw: readonly string[]): readonly Header[] {
  const headers: Header[] = []
  for (let index = 0; index + 1 < raw.length; index += 2) headers.push([raw[index] ?? '', raw[index + 1] ?? ''])
  return headers
}

/** Every value of a header, in order; names are compared without regard to case. */
export function valuesOf(headers: readonly Header[], name: string): readonly string[] {
  const wanted = name.toLowerCase()
  return headers.filter(([each]) => each.toLowerCase() === wanted).map(([, value]) => value)
}

/** The values of a header as one list, as RFC 9110 §5.3 joins them; undefined where there is none. */
export function valueOf(headers: readonly Header[], name: string): string | undefined {
  const values = valuesOf(headers, name)
  return values.length === 0 ? undefined : values.join(', ')
}
