import { toBytes, toText } from './bytes.ts'

/** Longest text of a client or an upstream that a record keeps: no id and no model name comes near. */
export const maxKeptLength = 512

/** A text for a record, cut where it is too long. A copy then, since the engine's own slice would keep all of it in memory. */
export function keptText(text: string): string {
  return text.length <= maxKeptLength ? text : `${toText(toBytes(text.slice(0, maxKeptLength - 1)))}…`
}
