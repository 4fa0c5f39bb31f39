import { z } from 'zod'

/** Parameters of every list. */
export interface Paging {
  readonly limit?: string | undefined
  readonly after?: string | undefined
}

const defaultLimit = 100

/** `limit`, from 1 to 1000. */
export const limitParameter: z.ZodType<string> = z
  .string()
  .regex(/^(?:[1-9]\d{0,2}|1000)$/, 'give a number from 1 to 1000')
  .meta({ description: 'At most so many: 1 to 1000, 100 unless given.' })

/** `after`: where the page before ended. */
export const afterParameter: z.ZodType<string> = z.string().min(1).max(512).meta({ description: 'The `next` of the page before.' })

/** The limit of a page, as a number. */
export function limitOf({ limit }: Paging): number {
  return limit === undefined ? defaultLimit : Number(limit)
}

/** `next` of a page: null on the last. */
export const nextField: z.ZodType<string | null> = z.string().nullable().meta({ description: 'Give it as `after` for the next page; null on the last.' })

/** A page from one item more than the limit, which tells whether there is another. */
export function pageOf<Item>(
  found: readonly Item[],
  limit: number,
  keyOf: (item: Item) => string,
): { readonly items: readonly Item[]; readonly next: string | null } {
  const items = found.slice(0, limit)
  const last = items.at(-1)
  return { items, next: found.length > limit && last !== undefined ? keyOf(last) : null }
}

/** `reason`: goes into the audit log. */
export const reasonField: z.ZodType<string> = z.string().min(1).max(500).meta({ description: 'Why; kept in the audit log.' })
