import { describe, expect, test } from 'vitest'
import { toStorable } from '../../ledger/storable.ts'
import type { PolicyDocument, PolicyPublication, PolicyPublish, PolicyPublishResult, PolicyShelf } from '../../ports/policy-shelf.ts'
import { policyShelfContract } from './policy-shelf-contract.ts'

interface Store {
  readonly documents: Map<string, PolicyDocument>
  readonly publications: PolicyPublication[]
}

const emptyStore = (): Store => ({ documents: new Map(), publications: [] })
const tick = () => new Promise<void>((resolve) => setTimeout(resolve, 0))

function write({ documents, publications }: Store, { version, document, at, actor, reason }: PolicyPublish): PolicyPublishResult {
  const last = publications.at(-1)
  if (!documents.has(version)) documents.set(version, toStorable({ version, document }))
  const current = toStorable({
    sequence: publications.length + 1,
    version,
    at,
    actor,
    ...(last !== undefined && { previousVersion: last.version }),
    ...(reason !== undefined && { reason }),
  })
  publications.push(current)
  return { kind: 'published', current }
}

function refusal({ publications }: Store, { version, expected }: PolicyPublish): PolicyPublishResult | undefined {
  const current = publications.at(-1)
  if (current !== undefined && current.version === version) return { kind: 'unchanged', current }
  return current?.version === expected ? undefined : { kind: 'conflict', current }
}

function shelfOf(store: Store, wrong: Partial<PolicyShelf> = {}): PolicyShelf {
  return {
    current: async () => store.documents.get(store.publications.at(-1)?.version ?? ''),
    version: async (version) => store.documents.get(version),
    publish: async (publish) => refusal(store, publish) ?? write(store, publish),
    history: async ({ before = Infinity, limit = 100 }) =>
      store.publications
        .toReversed()
        .filter(({ sequence }) => sequence < before)
        .slice(0, limit),
    ...wrong,
  }
}

async function broken(make: (store: Store) => Partial<PolicyShelf>): Promise<readonly string[]> {
  const failed: string[] = []
  const create = async () => {
    const store = emptyStore()
    return shelfOf(store, make(store))
  }
  for (const { name, run } of policyShelfContract({ create })) await run().catch(() => failed.push(name))
  return failed
}

describe('a store that keeps the contract passes it', () => {
  const stores = new WeakMap<PolicyShelf, Store>()
  const opened = (store: Store) => {
    const shelf = shelfOf(store)
    stores.set(shelf, store)
    return shelf
  }
  const reopen = async (shelf: PolicyShelf) => opened(stores.get(shelf) as Store)
  for (const { name, run } of policyShelfContract({ create: async () => opened(emptyStore()), reopen })) test(name, run)
})

test('a store that looks, waits, and publishes is caught where publishers race, and nowhere else', async () => {
  const failed = await broken((store) => ({
    publish: async (publish) => {
      const refused = refusal(store, publish)
      await tick()
      return refused ?? write(store, publish)
    },
  }))
  expect(failed).toEqual([
    'of fifty racing publishers exactly one wins, and its document is the one in force',
    'of fifty racing to publish the first policy exactly one wins',
    'publishing what is in force changes nothing, whatever was expected: a publication may be repeated, and fifty that race with one document make one entry',
  ])
})

const wrongStores: Readonly<Record<string, readonly [(store: Store) => Partial<PolicyShelf>, string]>> = {
  'the expected version is not looked at': [
    (store) => ({ publish: async (publish) => write(store, publish) }),
    'nothing is published on another version than the expected one: on none, on an old one, or where none is in force',
  ],
  'a version that was turned away is kept': [
    (store) => ({
      publish: async (publish) => {
        store.documents.set(publish.version, publish)
        return refusal(store, publish) ?? write(store, publish)
      },
    }),
    'nothing is published on another version than the expected one: on none, on an old one, or where none is in force',
  ],
  'a version may change its text': [
    (store) => ({
      publish: async (publish) => {
        const refused = refusal(store, publish)
        if (refused !== undefined) return refused
        store.documents.delete(publish.version)
        return write(store, publish)
      },
    }),
    'an old version can be published again: a rollback is an entry like any other, and the text of a version stays the first one',
  ],
  'only what is in force is kept': [
    (store) => ({
      publish: async (publish) => {
        const refused = refusal(store, publish)
        if (refused === undefined) store.documents.clear()
        return refused ?? write(store, publish)
      },
    }),
    'a shelf begins empty; what is published is in force, whole, and found by its version from then on',
  ],
  'history is told oldest first': [
    (store) => ({ history: async ({ before = Infinity, limit = 100 }) => store.publications.filter(({ sequence }) => sequence < before).slice(0, limit) }),
    'history is read newest first, before a sequence, at most as many as asked for, and a hundred unless said',
  ],
}

for (const [what, [make, sentence]] of Object.entries(wrongStores)) {
  test(`a policy shelf is caught where ${what}`, async () => {
    expect(await broken(make)).toContain(sentence)
  })
}
