import { hasBytesAt, toBytes } from '../wire/bytes.ts'

/** Where a text begins: at `start`, in a window of the body that holds at least its opening. */
export interface TextStart {
  readonly bytes: Uint8Array
  readonly start: number
}

/** A text as it stands inside a JSON string that `JSON.stringify` wrote, as every Claude Code does. */
export function literal(text: string): Uint8Array {
  return toBytes(JSON.stringify(text).slice(1, -1))
}

/** Several {@link literal}s. */
export function literals(...texts: readonly string[]): readonly Uint8Array[] {
  return texts.map(literal)
}

/** True of a text that begins with one of the literals. */
export function opensWith(text: TextStart | undefined, openings: readonly Uint8Array[]): boolean {
  return text !== undefined && openings.some((opening) => hasBytesAt(text.bytes, text.start, opening))
}
