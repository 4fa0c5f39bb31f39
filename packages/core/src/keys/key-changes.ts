import type { KeyRecord, KeyRevocation, KeyRotation } from '../ports/key-ring.ts'

/**
 * What a rotation makes of a key; the same object where it has that secret already. For writers of key rings: pure, so it has to run where nothing
 * can come between reading and writing.
 */
export function rotatedKey(record: KeyRecord, { secret, overlapUntil }: KeyRotation): KeyRecord {
  if (record.secrets.some(({ hash }) => hash === secret.hash)) return record
  const present = record.secrets.at(-1)
  return { ...record, secrets: present === undefined ? [secret] : [{ ...present, expiresAt: Math.min(overlapUntil, present.expiresAt ?? Infinity) }, secret] }
}

/** What a revocation makes of a key; the same object where it changes nothing. Pure, like {@link rotatedKey}. */
export function revokedKey(record: KeyRecord, revocation: KeyRevocation): KeyRecord {
  if (record.revocation === undefined) return { ...record, revocation }
  if (record.revocation.isLeaked || !revocation.isLeaked) return record
  return { ...record, revocation: { ...record.revocation, isLeaked: true } }
}
