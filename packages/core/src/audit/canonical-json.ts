import { compareText } from '../ledger/text-order.ts'

const deepest = 64

/**
 * A value as JSON that is the same text for the same value, in whatever order its members were set: keys sorted by code point, no spaces, a bigint as
 * its decimal digits in a string. What JSON leaves out (undefined, functions) is left out; `toJSON` is obeyed, so that a Secret stays one.
 *
 * @throws TypeError for a value that is nested more than 64 deep, or in a circle
 */
export function canonicalJson(value: unknown): string {
  return write(value, 0) ?? 'null'
}

function write(given: unknown, depth: number): string | undefined {
  if (depth > deepest) throw new TypeError(`the value is nested more than ${deepest} deep, or in a circle`)
  const value = hasToJson(given) ? given.toJSON() : given
  if (typeof value === 'bigint') return `"${value}"`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map((part: unknown) => write(part, depth + 1) ?? 'null').join(',')}]`
  const members: string[] = []
  for (const [key, part] of Object.entries(value).toSorted(([left], [right]) => compareText(left, right))) {
    const written = write(part, depth + 1)
    if (written !== undefined) members.push(`${JSON.stringify(key)}:${written}`)
  }
  return `{${members.join(',')}}`
}

function hasToJson(value: unknown): value is { readonly toJSON: () => unknown } {
  return typeof value === 'object' && value !== null && 'toJSON' in value && typeof value.toJSON === 'function'
}
