/**
 * A storage adapter in one short file: a ring of keys, kept as the verbs that made it. A toy, since it holds every key in memory and its file only grows,
 * but it keeps the whole contract. Replace the map by your database, with a transaction where this has a queue, and run the same test.
 */
import { isWithin, revokedKey, rotatedKey, type KeyQuery, type KeyRecord, type KeyRevocation, type KeyRing, type KeyRotation } from '@sluice/core'
import { compareText, toStorable, toStorableText } from '@sluice/core/ledger'
import { verbFile } from './verb-file.ts'

/** A key ring in a file, to be closed. One process at a time may have it open. */
export interface FileKeyRing extends KeyRing {
  readonly close: () => Promise<void>
}

type Verb = { readonly issue: KeyRecord } | { readonly rotate: KeyRotation } | { readonly revoke: { readonly id: string; readonly revocation: KeyRevocation } }

/** Opens the key ring in a file, or makes it. */
export async function fileKeyRing(path: string): Promise<FileKeyRing> {
  const keys = new Map<string, KeyRecord>()
  const file = await verbFile<Verb>(path, (verb) => void act(keys, verb))
  const perform = (verb: Verb): Promise<KeyRecord | undefined> => file.perform(verb, (kept) => act(keys, kept))
  return {
    issue: async (record) => (await perform({ issue: record })) !== undefined,
    find: async (id) => keys.get(toStorableText(id)),
    rotate: (rotation) => perform({ rotate: rotation }),
    revoke: (id, revocation) => perform({ revoke: { id, revocation } }),
    list: async (query) => page([...keys.values()], query),
    close: file.close,
  }
}

/** Does one verb, and returns the key that it has made or changed. The same verbs in the same order always make the same ring, so a restart only repeats them. */
function act(keys: Map<string, KeyRecord>, verb: Verb): KeyRecord | undefined {
  const key = changed(keys, verb)
  // Frozen all the way down: it is handed out as it is.
  const kept = key && toStorable(key)
  if (kept !== undefined) keys.set(kept.id, kept)
  return kept
}

function changed(keys: ReadonlyMap<string, KeyRecord>, verb: Verb): KeyRecord | undefined {
  if ('issue' in verb) return keys.has(verb.issue.id) ? undefined : verb.issue
  const key = keys.get('rotate' in verb ? verb.rotate.id : verb.revoke.id)
  if (key === undefined) return undefined
  if ('revoke' in verb) return revokedKey(key, verb.revoke.revocation)
  return key.revocation === undefined ? rotatedKey(key, verb.rotate) : undefined
}

function page(keys: readonly KeyRecord[], { after, limit = 100, ...query }: KeyQuery): readonly KeyRecord[] {
  const under = query.under === undefined ? undefined : toStorableText(query.under)
  return keys
    .filter(({ scope }) => under === undefined || isWithin(scope, under))
    .filter(({ id }) => after === undefined || compareText(id, after) > 0)
    .toSorted((one, other) => compareText(one.id, other.id))
    .slice(0, limit)
}
