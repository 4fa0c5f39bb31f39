import { RateTable, type RateBook, type RateLimit } from '@sluice/core'
import { compareText, toStorableText } from '@sluice/core/ledger'

/** A {@link RateBook} in this process's memory: for development, tests, and gateways of one process. Its counts are gone when the process ends, and so are its limits. */
export function memoryRateBook(): RateBook {
  const table = new RateTable()
  const limits = new Map<string, RateLimit>()
  return {
    take: async (claims, at) => table.take(claims, at),
    charge: async (claims, at) => table.charge(claims, at),
    enter: async (claims, at) => table.enter(claims, at),
    leave: async (places) => table.leave(places),
    prune: async (before) => table.prune(before),
    define: async (limit) => {
      const kept = toStorableLimit(limit)
      if (kept.version !== (limits.get(kept.id)?.version ?? 0) + 1) return false
      limits.set(kept.id, kept)
      return true
    },
    remove: async (id) => limits.delete(toStorableText(id)),
    limits: async () => [...limits.values()].toSorted((left, right) => compareText(left.id, right.id)),
  }
}

/** A deep, frozen copy, whatever the caller does to the original. */
function toStorableLimit({ subject, ...limit }: RateLimit): RateLimit {
  const { scope, key, tag, model } = subject
  return Object.freeze({
    ...limit,
    id: toStorableText(limit.id),
    name: toStorableText(limit.name),
    subject: Object.freeze({
      ...(scope !== undefined && { scope: toStorableText(scope) }),
      ...(key !== undefined && { key: toStorableText(key) }),
      ...(tag !== undefined && { tag: Object.freeze({ name: toStorableText(tag.name), value: toStorableText(tag.value) }) }),
      ...(model !== undefined && { model: toStorableText(model) }),
    }),
  })
}
