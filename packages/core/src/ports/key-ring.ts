import type { Runtime } from './runtime.ts'
import type { Scope } from './scope-tree.ts'

/** What a key may be used for. Absent means: everything that its owner may. All that are given must hold. */
export interface KeyRestrictions {
  /** Models that may be asked for: exact ids, or a prefix that ends in `*`. */
  readonly models?: readonly string[]
  /** Names of the upstreams that its exchanges may go to. */
  readonly upstreams?: readonly string[]
  /** Ids of budgets that its spend counts against besides those that cover it anyway. */
  readonly budgets?: readonly string[]
  /** Networks that it may be used from, as CIDR: `10.0.0.0/8`, `2001:db8::/32`. */
  readonly networks?: readonly string[]
}

/** Who is calling, as a credential proved it. */
export interface Principal {
  /** Stable id of the key, safe to show and store. */
  readonly keyId: string
  /** The developer or service that the key belongs to: the subject of spend. */
  readonly developer: string
  /** Where the spend belongs, from the organisation down to the key's own scope; absent for a key that stands outside the tree. */
  readonly scopes?: readonly Pick<Scope, 'path' | 'level'>[]
  /** Tags that the key itself carries; they win over what a client declares. */
  readonly tags?: Readonly<Record<string, string>>
  readonly restrictions?: KeyRestrictions
}

/** One secret of a key. Only its keyed hash is kept. */
export interface KeySecret {
  /** HMAC-SHA-256 under the gateway's pepper, base64url. */
  readonly hash: string
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  /** Not taken from this instant on: the end of a rotation's overlap. */
  readonly expiresAt?: number
}

/** Why and when a key was withdrawn. */
export interface KeyRevocation {
  readonly at: number
  readonly reason: string
  /** Somebody else may hold it: streams under way are cut too. */
  readonly isLeaked: boolean
}

/** A virtual key as a store keeps it. Plain data; nothing in it lets anybody in. */
export interface KeyRecord {
  /** 8 characters, part of the key's text: how it is found. */
  readonly id: string
  /** What people call it. */
  readonly name: string
  readonly developer: string
  /** Path of the scope that its spend belongs to. */
  readonly scope: string
  readonly tags: Readonly<Record<string, string>>
  readonly restrictions: KeyRestrictions
  readonly createdAt: number
  /** Not taken from this instant on. */
  readonly expiresAt?: number
  /** The current one last; at most two. */
  readonly secrets: readonly KeySecret[]
  readonly revocation?: KeyRevocation
}

/** A new secret for a key, and until when the one before it is still taken. */
export interface KeyRotation {
  readonly id: string
  readonly secret: KeySecret
  /** The instant the present secret ends at; one older than that is dropped at once. */
  readonly overlapUntil: number
}

/** Which keys to list, in order of their id. */
export interface KeyQuery {
  /** Keys of this scope and of everything below it. @defaultValue all */
  readonly under?: string
  /** Only ids after this one: the last of the page before. */
  readonly after?: string
  /** @defaultValue 100 */
  readonly limit?: number
}

/** Keeps virtual keys. The contract is executable: `keyRingContract` of `@sluice/core/testing`. */
export interface KeyRing {
  /** Keeps a new key. Of racing callers with one id exactly one is told `true`; for the others nothing changes. */
  readonly issue: (record: KeyRecord) => Promise<boolean>
  /** The key of an id, revoked and expired ones too; undefined where there is none. One look-up by primary key. */
  readonly find: (id: string) => Promise<KeyRecord | undefined>
  /**
   * Adds a secret: atomic, and afterwards the key has at most two, whoever raced. Idempotent by the secret's hash.
   * Resolves with the key as it then is; undefined where it is not there or is revoked.
   */
  readonly rotate: (rotation: KeyRotation) => Promise<KeyRecord | undefined>
  /** Revokes a key. Idempotent: the first revocation stays, but `isLeaked` may turn true later. Resolves with the key; undefined where it is not there. */
  readonly revoke: (id: string, revocation: KeyRevocation) => Promise<KeyRecord | undefined>
  readonly list: (query: KeyQuery) => Promise<readonly KeyRecord[]>
}

/** Finds who a presented gateway credential belongs to: what `authenticate()` asks. `virtualKeys()` and `staticKeys()` are such. */
export interface CredentialVerifier {
  /** Resolves with the principal, or undefined for an unknown credential. Constant-time in the secret. Must not log or keep it. @throws GatewayError to refuse with a reason */
  readonly verify: (credential: string) => Promise<Principal | undefined>
  /**
   * Watches a principal that was let in while its exchange lasts: `onWithdrawn` is called once when its key turns out to be withdrawn as leaked.
   * Returns a function that ends the watch. Absent: keys are only looked at when an exchange starts.
   */
  readonly watch?: (principal: Principal, onWithdrawn: () => void) => () => void
  /** Told once of the native hashes of the runtime that it works in. Absent: it goes by its own, or hashes nothing. */
  readonly hashWith?: (keyedHash: NonNullable<Runtime['keyedHash']>) => void
}
