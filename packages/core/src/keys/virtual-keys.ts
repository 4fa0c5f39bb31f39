import { ConfigurationError, GatewayError, type Fault } from '../errors.ts'
import { systemClock, systemHost, type Clock } from '../host.ts'
import type { CredentialVerifier, KeyRecord, KeyRevocation, KeyRing, KeySecret, Principal } from '../ports/key-ring.ts'
import type { ScopeTree } from '../ports/scope-tree.ts'
import { equalInConstantTime, type Secret } from '../secret.ts'
import { checkIssue, type KeyIssue } from './issue-request.ts'
import { KeyHashes } from './key-hash.ts'
import { KeyLookUps, type KnownKey } from './key-look-ups.ts'
import { KeyFormat, newKeyId, newKeySecret, type KeyText, type RandomBytes } from './key-text.ts'
import { generationOf, readKeyToken, writeKeyToken } from './key-token.ts'
import { KeyWatch } from './key-watch.ts'

/** Options of {@link virtualKeys}. */
export interface VirtualKeyOptions {
  readonly ring: KeyRing
  readonly scopes: ScopeTree
  /** What hashes are keyed with, at least 32 characters. Whoever has it and the store has still no key, but can tell a guess. One that changes ends every key. */
  readonly pepper: string | Secret
  /** How keys begin: 2 to 20 of a-z, 0-9 and -. Anthropic's own `sk-ant-` is refused. @defaultValue 'sluice' */
  readonly prefix?: string
  /** What the keys are for; stands in them. 1 to 12 of a-z and 0-9. @defaultValue 'live' */
  readonly environment?: string
  /** @defaultValue the runtime's clock */
  readonly clock?: Clock
  /** Fills bytes that nobody can guess. @defaultValue the runtime's generator */
  readonly random?: RandomBytes
  /** How long a look-up's answer is good for: the bound on how long a revoked key is still taken, on every replica. @defaultValue 5000 */
  readonly cacheMillis?: number
  /** How long it may serve while the store is out. @defaultValue 900000 */
  readonly lastKnownGoodMillis?: number
  /** A store that takes longer is out. @defaultValue 2000 */
  readonly lookUpMillis?: number
  /** Told once when the store goes out and once when it is back. @defaultValue dropped */
  readonly onFault?: (fault: Fault) => void
}

export const defaultVirtualKeyOptions: {
  readonly prefix: string
  readonly environment: string
  readonly cacheMillis: number
  readonly lastKnownGoodMillis: number
  readonly lookUpMillis: number
} = Object.freeze({ prefix: 'sluice', environment: 'live', cacheMillis: 5_000, lastKnownGoodMillis: 900_000, lookUpMillis: 2_000 })

/** A key's two presentations. They are shown once, and kept nowhere. */
export interface PresentedKey {
  readonly record: KeyRecord
  /** The opaque text. */
  readonly key: string
  /** The same credential as a JWT: with it Claude Code prints the gateway's messages as they are, and shows warnings. */
  readonly jwt: string
}

/** What became of {@link VirtualKeys.issue}. */
export type IssueResult = ({ readonly kind: 'issued' } & PresentedKey) | { readonly kind: 'no-scope' } | { readonly kind: 'archived-scope' }

/** What became of {@link VirtualKeys.rotate}; `no-key`: there is none of that id, or it is revoked or expired. */
export type RotateResult = ({ readonly kind: 'rotated' } & PresentedKey) | { readonly kind: 'no-key' }

/** What became of {@link VirtualKeys.revoke}. */
export type RevokeResult = { readonly kind: 'revoked'; readonly record: KeyRecord } | { readonly kind: 'no-key' }

/** Virtual keys: credentials of the gateway's own, of which only keyed hashes are kept. */
export interface VirtualKeys extends CredentialVerifier {
  readonly watch: NonNullable<CredentialVerifier['watch']>
  /** Makes a key. @throws ConfigurationError for what cannot be a key, naming the field */
  readonly issue: (issue: KeyIssue) => Promise<IssueResult>
  /** Gives a key a new secret; the one before is taken for `overlapMillis` more, any older one not at all. Resolves with `no-key` where it is not there, revoked or expired. @throws ConfigurationError for an overlap that is none */
  readonly rotate: (id: string, options: { readonly overlapMillis: number }) => Promise<RotateResult>
  /** Withdraws a key: at once in this process, within `cacheMillis` in others. `isLeaked` cuts its open streams too. The first revocation stays. */
  readonly revoke: (id: string, revocation: Pick<KeyRevocation, 'reason' | 'isLeaked'>) => Promise<RevokeResult>
  /** A key as it may be shown: at most 4 characters of its secret. */
  readonly mask: (credential: string) => string
}

/** The JWT of a key that does not expire does. */
const tokenLifeMillis = 365 * 86_400_000
/** Two ids of 62^8 meet seldom; five times in a row they do not. */
const mostIds = 5
/** Watched keys are not looked at more often than this. */
const shortestRoundMillis = 250

/**
 * Virtual keys kept in a ring. What is no key is told from its text alone; a key costs one look-up of its id in `cacheMillis`.
 *
 * @throws ConfigurationError naming the option, and the fix
 */
export function virtualKeys(options: VirtualKeyOptions): VirtualKeys {
  const { ring, scopes, clock = systemClock } = options
  const { prefix, environment, cacheMillis, lastKnownGoodMillis, lookUpMillis } = withDefaults(options)
  const random: RandomBytes = options.random ?? ((bytes) => void crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>))
  const { onFault } = systemHost({ clock, ...(options.onFault !== undefined && { onFault: options.onFault }) })
  const format = new KeyFormat(prefix, environment)
  const hashes = new KeyHashes(options.pepper)
  const watch = new KeyWatch({
    clock,
    everyMillis: Math.max(cacheMillis, shortestRoundMillis),
    lookUp: (id) => lookUps.refreshIfDue(id),
    onThrown: (cause) => onFault({ code: 'middleware-threw', message: 'what was to happen when a key leaked threw', source: 'virtualKeys.watch', cause }),
  })
  const onRecord = (record: KeyRecord): void => watch.tell(record)
  const lookUps: KeyLookUps = new KeyLookUps({ ring, scopes, clock, cacheMillis, lastKnownGoodMillis, lookUpMillis, onRecord, onFault })

  const presented = async (record: KeyRecord, { text }: KeyText, hash: string, now: number): Promise<PresentedKey> => {
    const expiresAt = record.expiresAt ?? now + tokenLifeMillis
    return { record, key: text, jwt: await writeKeyToken({ keyId: record.id, generation: generationOf(hash), issuedAt: now, expiresAt }, hashes) }
  }

  /** Finds the key and the secret of it that was presented. One that was rotated elsewhere a moment ago has a secret that is not known here yet. */
  const prove = async (id: string, presentedOf: (record: KeyRecord) => Promise<KeySecret | undefined>): Promise<Principal | undefined> => {
    const askedAt = clock.now()
    let known = await lookUps.find(id)
    let secret = known && (await presentedOf(known.record))
    if (known !== undefined && secret === undefined) {
      known = await lookUps.findAgain(id, askedAt)
      secret = known && (await presentedOf(known.record))
    }
    return known && secret && admit(known, secret, clock.now())
  }

  const verifyKey = ({ id, text }: KeyText): Promise<Principal | undefined> => {
    let hashing: string | Promise<string> | undefined
    return prove(id, async (record) => {
      const hash = await (hashing ??= hashes.ofKey(text))
      return secretOf(record, (secret) => equalInConstantTime(hash, secret.hash))
    })
  }

  const verifyToken = async (credential: string): Promise<Principal | undefined> => {
    const token = await readKeyToken(credential, hashes)
    if (token === undefined) return undefined
    const principal = await prove(token.keyId, async (record) => secretOf(record, ({ hash }) => equalInConstantTime(token.generation, generationOf(hash))))
    if (principal !== undefined && clock.now() >= token.expiresAt) throw notTaken(`This token of the key ${token.keyId} expired on ${day(token.expiresAt)}.`)
    return principal
  }

  return {
    verify: async (credential) => {
      const key = format.read(credential)
      return key === undefined ? await verifyToken(credential) : await verifyKey(key)
    },
    watch: ({ keyId }, onWithdrawn) => {
      const end = watch.watch(keyId, onWithdrawn)
      const record = lookUps.recalled(keyId)
      // It may have been withdrawn between the two.
      if (record !== undefined) queueMicrotask(() => watch.tell(record))
      return end
    },
    issue: async (issue) => {
      const now = clock.now()
      const { expiresAt, ...checked } = checkIssue(issue, now)
      const lineage = await scopes.lineage(checked.scope)
      if (lineage === undefined) return { kind: 'no-scope' }
      if (lineage.some(({ archivedAt }) => archivedAt !== undefined)) return { kind: 'archived-scope' }
      for (let turn = 0; turn < mostIds; turn += 1) {
        const key = format.write(newKeyId(random), newKeySecret(random))
        const hash = await hashes.ofKey(key.text)
        const secrets = [{ hash, createdAt: now }]
        const record: KeyRecord = { id: key.id, ...checked, createdAt: now, ...(expiresAt !== undefined && { expiresAt }), secrets }
        if (!(await ring.issue(record))) continue
        lookUps.changed(record)
        return { kind: 'issued', ...(await presented(record, key, hash, now)) }
      }
      throw new Error(`${mostIds} ids in a row were taken. The random generator repeats itself.`)
    },
    rotate: async (id, { overlapMillis }) => {
      if (!Number.isSafeInteger(overlapMillis) || overlapMillis < 0)
        throw new ConfigurationError('overlapMillis', `${overlapMillis} is not a whole number of milliseconds from 0 up.`)
      const now = clock.now()
      const before = await ring.find(id)
      if (before === undefined || isOver(before.expiresAt, now)) return { kind: 'no-key' }
      const key = format.write(before.id, newKeySecret(random))
      const hash = await hashes.ofKey(key.text)
      const record = await ring.rotate({ id: before.id, secret: { hash, createdAt: now }, overlapUntil: now + overlapMillis })
      if (record === undefined) return { kind: 'no-key' }
      lookUps.changed(record)
      return { kind: 'rotated', ...(await presented(record, key, hash, now)) }
    },
    revoke: async (id, { reason, isLeaked }) => {
      const record = await ring.revoke(id, { at: clock.now(), reason, isLeaked })
      if (record === undefined) return { kind: 'no-key' }
      lookUps.changed(record)
      return { kind: 'revoked', record }
    },
    mask: (credential) => format.mask(credential),
    hashWith: (keyedHash) => hashes.hashWith(keyedHash),
  }
}

/** Every secret is compared, so that the time does not tell which one came near. */
function secretOf({ secrets }: KeyRecord, isThis: (secret: KeySecret) => boolean): KeySecret | undefined {
  return secrets.filter(isThis).at(-1)
}

/** Takes a key of which a secret was proven, or says why not. */
function admit({ record, lineage, principal }: KnownKey, secret: KeySecret, now: number): Principal {
  const { id, revocation, expiresAt, scope } = record
  if (revocation !== undefined) throw notTaken(`The key ${id} was revoked on ${day(revocation.at)}.`, { shouldRetry: false })
  if (isOver(expiresAt, now)) throw notTaken(`The key ${id} expired on ${day(expiresAt)}.`)
  if (isOver(secret.expiresAt, now)) {
    const message = `The key ${id} was rotated, and this older secret of it is not taken since ${day(secret.expiresAt)}. Use the new one.`
    throw new GatewayError('invalid-credential', message)
  }
  if (lineage === undefined) throw notTaken(`The scope "${scope}" of the key ${id} is not there.`)
  const archived = lineage.find(({ archivedAt }) => archivedAt !== undefined)
  if (archived !== undefined) throw notTaken(`The scope "${archived.path}" of the key ${id} is archived.`)
  return principal
}

function isOver(expiresAt: number | undefined, now: number): expiresAt is number {
  return expiresAt !== undefined && now >= expiresAt
}

/** What has run out may be retried: on a 401 a client asks its key helper for a fresh key. */
function notTaken(what: string, options: { readonly shouldRetry?: false } = {}): GatewayError {
  return new GatewayError('invalid-credential', `${what} Ask this gateway's operator for a new key.`, options)
}

function day(millis: number): string {
  return `${new Date(millis).toISOString().slice(0, 16)}Z`
}

function withDefaults(options: VirtualKeyOptions): typeof defaultVirtualKeyOptions {
  const all = { ...defaultVirtualKeyOptions, ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) }
  for (const name of ['cacheMillis', 'lastKnownGoodMillis', 'lookUpMillis'] as const) {
    if (!Number.isSafeInteger(all[name]) || all[name] <= 0) throw new ConfigurationError(`virtualKeys.${name}`, `${all[name]} is not a positive whole number.`)
  }
  return all
}
