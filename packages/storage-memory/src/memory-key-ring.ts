import { isWithin, revokedKey, rotatedKey, type KeyRecord, type KeyRing } from '@sluice/core'
import { compareText, toStorable, toStorableText } from '@sluice/core/ledger'
import { pageOf } from './memory-key-ring-page.ts'

/** Virtual keys in memory: for tests, and for one process that may forget them. */
export function memoryKeyRing(): KeyRing {
  const records = new Map<string, KeyRecord>()
  const change = (id: string, changed: (record: KeyRecord) => KeyRecord | undefined): Promise<KeyRecord | undefined> => {
    const key = toStorableText(id)
    const record = records.get(key)
    const after = record && changed(record)
    if (after === undefined) return Promise.resolve(undefined)
    if (after !== record) records.set(key, toStorable(after))
    return Promise.resolve(records.get(key))
  }
  return {
    issue: (record) => {
      const kept = toStorable(record)
      if (records.has(kept.id)) return Promise.resolve(false)
      records.set(kept.id, kept)
      return Promise.resolve(true)
    },
    find: (id) => Promise.resolve(records.get(toStorableText(id))),
    rotate: (rotation) => change(rotation.id, (record) => (record.revocation === undefined ? rotatedKey(record, toStorable(rotation)) : undefined)),
    revoke: (id, revocation) => change(id, (record) => revokedKey(record, revocation)),
    list: ({ under, after, limit }) => {
      const scope = under === undefined ? undefined : toStorableText(under)
      const matching = [...records.values()].filter((record) => scope === undefined || isWithin(record.scope, scope))
      return Promise.resolve(
        pageOf(
          matching.toSorted((left, right) => compareText(left.id, right.id)),
          ({ id }) => after === undefined || compareText(id, toStorableText(after)) > 0,
          limit,
        ),
      )
    },
  }
}
