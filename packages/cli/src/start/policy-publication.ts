import { auditTrail, type AuditLog, type PolicyPublication, type PolicyShelf } from '@sluice/core'
import { publishPolicy, toPolicyDocument } from '@sluice/core/policy'
import { CommandError } from '../errors.ts'
import type { GivenPolicy } from './given-policy.ts'

/** Who publishes what `sluice start` was given, in the shelf's history and in the audit log. */
export const startActor = 'start'

/** What became of the policy that `sluice start` was given. */
export interface GivenPublication {
  /**
   * `published`: it came into force by this call; `unchanged`: it was in force; `kept`: somebody else's publication is in force, and stays so;
   * `none`: there is no policy, neither here nor on the shelf.
   */
  readonly kind: 'published' | 'unchanged' | 'kept' | 'none'
  /** The publication in force. */
  readonly current: PolicyPublication | undefined
}

/** What a publication is made with. */
export interface PublicationDesk {
  readonly shelf: PolicyShelf
  readonly audit: AuditLog
  readonly now: () => number
}

/** Gateways that start together may all publish; each is told of the one before it. */
const mostTries = 5

/**
 * Publishes the policy that a gateway was started with, where none is in force or the one in force was published in the same way. What a person has published
 * since, with a command or through the admin API, is newer than a file that was there before: it stays.
 *
 * @throws CommandError where others keep publishing; whatever the shelf rejects with
 */
export async function publishGiven(desk: PublicationDesk, given: GivenPolicy | undefined): Promise<GivenPublication> {
  const { shelf, audit, now } = desk
  const version = given && (await toPolicyDocument(given.policy)).version
  for (let tries = 0; tries < mostTries; tries += 1) {
    const [current] = await shelf.history({ limit: 1 })
    if (given === undefined || version === undefined) return { kind: current === undefined ? 'none' : 'unchanged', current }
    if (current?.version === version) return { kind: 'unchanged', current }
    if (current !== undefined && current.actor !== startActor) return { kind: 'kept', current }
    const { policy, origin } = given
    const result = await publishPolicy({ shelf, policy, expected: current?.version, at: now(), actor: startActor, reason: origin })
    if (result.kind === 'conflict') continue
    if (result.kind === 'published') {
      await auditTrail({ log: audit, clock: { now } }).append({
        actor: startActor,
        action: 'policy.publish',
        subject: 'policy',
        reason: origin,
        ...(current !== undefined && { before: { version: current.version } }),
        after: { version },
      })
    }
    return { kind: result.kind, current: result.current }
  }
  throw new CommandError(`${given?.origin ?? 'policy'}: others keep publishing policies at this moment. Start again.`)
}

/** Who published what, in words. */
export function publicationText({ version, actor, at, reason }: PolicyPublication): string {
  const by = actor === startActor ? (reason === undefined ? 'at a start' : `from ${reason}`) : `published by ${actor}`
  return `${version} (${by}, ${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC)`
}

/** What an operator should know of what became of the policy; undefined where it is as they would expect. */
export function publicationNotice({ kind, current }: GivenPublication, given: GivenPolicy | undefined): string | undefined {
  if (kind !== 'kept' || given === undefined || current === undefined) return undefined
  const how = given.path === undefined ? 'publish it as a file with: sluice policy publish FILE' : `publish it: sluice policy publish ${given.path}`
  return `${given.origin} is not in force: policy ${publicationText(current)} is, and was not published by a start. To put yours in its place, ${how}`
}
