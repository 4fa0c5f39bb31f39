import type { Fault } from '../src/errors.ts'
import { revokedKey, rotatedKey } from '../src/keys/key-changes.ts'
import { parentOf } from '../src/keys/scope-path.ts'
import { virtualKeys, type PresentedKey, type VirtualKeyOptions, type VirtualKeys } from '../src/keys/virtual-keys.ts'
import { toStorable } from '../src/ledger/storable.ts'
import type { KeyIssue } from '../src/keys/issue-request.ts'
import type { KeyRecord, KeyRing } from '../src/ports/key-ring.ts'
import type { Scope, ScopeTree } from '../src/ports/scope-tree.ts'
import { manualClock, type ManualClock } from '../src/testing/manual-clock.ts'

/** How the store of a bench behaves. */
export type StoreMode = 'answers' | 'fails' | 'hangs'

/** A key store that counts, and can be made to fail. */
export interface KeyStore {
  readonly ring: KeyRing
  readonly scopes: ScopeTree
  readonly records: Map<string, KeyRecord>
  mode: StoreMode
  /** Ids that were looked up, in order. */
  readonly lookUps: string[]
}

export const pepper = 'canary-pepper-0123456789-0123456789-abcdef'

export function keyStore(): KeyStore {
  const records = new Map<string, KeyRecord>()
  const scopes = new Map<string, Scope>()
  const answer = <Value>(value: () => Value): Promise<Value> => {
    if (store.mode === 'hangs') return new Promise(() => undefined)
    return store.mode === 'fails' ? Promise.reject(new Error('connection refused')) : Promise.resolve(value())
  }
  const change = (id: string, changed: (record: KeyRecord) => KeyRecord | undefined) =>
    answer(() => {
      const record = records.get(id)
      const after = record && changed(record)
      if (after !== undefined) records.set(id, toStorable(after))
      return after && records.get(id)
    })
  const store: KeyStore = {
    records,
    mode: 'answers',
    lookUps: [],
    ring: {
      issue: (record) => answer(() => !records.has(record.id) && records.set(record.id, toStorable(record)) !== undefined),
      find: (id) => {
        store.lookUps.push(id)
        return answer(() => records.get(id))
      },
      rotate: (rotation) => change(rotation.id, (record) => (record.revocation === undefined ? rotatedKey(record, rotation) : undefined)),
      revoke: (id, revocation) => change(id, (record) => revokedKey(record, revocation)),
      list: () => answer(() => [...records.values()]),
    },
    scopes: {
      add: (scope) => {
        scopes.set(scope.path, scope)
        return Promise.resolve({ kind: 'added', scope })
      },
      lineage: (path) =>
        answer(() => {
          const line: Scope[] = []
          for (let at: string | undefined = path; at !== undefined; at = parentOf(at)) line.unshift(scopes.get(at) as Scope)
          return line.includes(undefined as never) ? undefined : line
        }),
      list: () => answer(() => [...scopes.values()]),
      archive: (path, at) => answer(() => scopes.has(path) && scopes.set(path, { ...(scopes.get(path) as Scope), archivedAt: at }) !== undefined),
    },
  }
  for (const [path, level] of [
    ['acme', 'organisation'],
    ['acme/web', 'cost-centre'],
    ['acme/web/ada', 'developer'],
    ['acme/web/bob', 'developer'],
  ] as const)
    scopes.set(path, { path, level, createdAt: 0 })
  return store
}

/** Randomness that is the same in every run. */
export function seededRandom(seed = 1): (bytes: Uint8Array) => void {
  let state = seed
  return (bytes) => {
    for (let at = 0; at < bytes.length; at += 1) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      bytes[at] = state >>> 24
    }
  }
}

export interface KeyBench {
  readonly store: KeyStore
  readonly clock: ManualClock
  readonly keys: VirtualKeys
  readonly faults: Fault[]
  /** Issues a key that has to be issued. */
  readonly issue: (parts?: Partial<KeyIssue>) => Promise<PresentedKey>
  /** Verifies, and says in a word what became of it. */
  readonly verdict: (credential: string) => Promise<string>
}

/** Virtual keys on a store in memory and a manual clock. */
export function keyBench(options: Partial<VirtualKeyOptions> = {}, store: KeyStore = keyStore(), clock: ManualClock = manualClock()): KeyBench {
  const faults: Fault[] = []
  const keys = virtualKeys({
    ring: store.ring,
    scopes: store.scopes,
    pepper,
    clock,
    random: seededRandom(),
    onFault: (fault) => void faults.push(fault),
    ...options,
  })
  return {
    store,
    clock,
    keys,
    faults,
    issue: async (parts = {}) => {
      const result = await keys.issue({ scope: 'acme/web/ada', ...parts })
      if (result.kind !== 'issued') throw new Error(`not issued: ${result.kind}`)
      return result
    },
    verdict: async (credential) => {
      try {
        const principal = await keys.verify(credential)
        return principal === undefined ? 'unknown' : principal.developer
      } catch (error) {
        return error instanceof Error ? error.message : String(error)
      }
    },
  }
}

/** Moves the clock until a promise settles: hashing runs outside of it, so that nobody knows after how many turns a look-up begins. */
export async function moved<Value>(clock: ManualClock, promise: Promise<Value>): Promise<Value> {
  const state = { isSettled: false }
  const done = (): void => void (state.isSettled = true)
  promise.then(done, done)
  while (!state.isSettled) await clock.advanceAsync(20)
  return promise
}
