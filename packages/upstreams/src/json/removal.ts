import type { Item } from './json-values.ts'

/** A span that goes. */
export interface Span {
  readonly start: number
  readonly end: number
}

/**
 * The spans to cut so that the items that `isRemoved` names are gone from an object or array, one comma with each, and what is left is well-formed.
 * Every byte of an item that stays, and the white space around it, stays.
 */
export function spansOf<Each extends Item>(
  items: readonly Each[],
  isRemoved: (item: Each, index: number) => boolean,
): readonly (Span & { readonly item: Each })[] {
  const firstKept = items.findIndex((item, index) => !isRemoved(item, index))
  return items.flatMap((item, index) => {
    if (!isRemoved(item, index)) return []
    // Before the first that stays a comma follows each; after it, one stands before each.
    if (firstKept === -1) return [{ item, start: item.start, end: items[index + 1]?.start ?? item.end }]
    if (index < firstKept) return [{ item, start: item.start, end: (items[index + 1] as Each).start }]
    return [{ item, start: (items[index - 1] as Each).end, end: item.end }]
  })
}
