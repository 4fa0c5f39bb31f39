import { hasBytesAt, toBytes } from '../wire/bytes.ts'

/** A text as it stands inside a JSON string that `JSON.stringify` wrote, as every Claude Code does. */
export function literal(text: string): Uint8Array {
  return toBytes(JSON.stringify(text).slice(1, -1))
}

/** Several {@link literal}s. */
export function literals(...texts: readonly string[]): readonly Uint8Array[] {
  return texts.map(literal)
}

/** True where one of the literals stands at `at`. */
export function opensWith(bytes: Uint8Array, at: number | undefined, openings: readonly Uint8Array[]): boolean {
  return at !== undefined && openings.some((opening) => hasBytesAt(bytes, at, opening))
}
