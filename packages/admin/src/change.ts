import type { AuditTrail, Clock } from '@sluice/core'
import type { AdminActor } from './power.ts'
import { Refusal } from './refusal.ts'

/** A change as the audit log tells it. `before` and `after` are what the API shows of the thing: no secret is in them. */
export interface Change {
  /** `key.issue`, `budget.define`. */
  readonly action: string
  /** `key:3f9a…`, `scope:acme/web`. */
  readonly subject: string
  readonly reason?: string | undefined
  readonly before?: unknown
  readonly after?: unknown
}

/** Told of what only the operator can mend. */
export type OnFailure = (what: string, cause: unknown) => void

/**
 * Makes changes so that none goes unrecorded.
 *
 * The record comes first: without it the change is not made. Where the change then fails, a second record says so (`budget.define.failed`).
 * Two kinds differ. What takes power away (`withdrawn`) is done even without its record, and then reported as failed: a leaked key must not live on
 * because a log is full. What hands out a secret (`handedOut`) is recorded once its id is known, and handed out only then.
 */
export interface ChangeRecorder {
  /** @throws Refusal 503 where the record cannot be written: nothing was changed */
  readonly recorded: <Value>(actor: AdminActor, change: Change, perform: () => Promise<Value>) => Promise<Value>
  /** @throws Refusal 500 where the record cannot be written: the change was made */
  readonly withdrawn: <Value>(actor: AdminActor, change: Change, perform: () => Promise<Value>) => Promise<Value>
  /** @throws Refusal 503 where the record cannot be written, after `undo` */
  readonly handedOut: (actor: AdminActor, change: Change, undo: () => Promise<unknown>) => Promise<void>
}

/** A withdrawal waits so long for its record: a revoked key is refused everywhere within five seconds. */
const patienceMillis = 2_000

/** A recorder on an audit trail. */
export function changeRecorder(trail: Pick<AuditTrail, 'append'>, onFailure: OnFailure, clock: Pick<Clock, 'after'>): ChangeRecorder {
  const append = async ({ name }: AdminActor, { action, subject, reason, before, after }: Change): Promise<void> => {
    await trail.append({
      actor: name,
      action,
      subject,
      ...(reason !== undefined && { reason }),
      ...(before !== undefined && { before }),
      ...(after !== undefined && { after }),
    })
  }
  const attempted = async <Value>(actor: AdminActor, change: Change, perform: () => Promise<Value>): Promise<Value> => {
    try {
      return await perform()
    } catch (cause) {
      const failed = { action: `${change.action}.failed`, subject: change.subject, reason: cause instanceof Refusal ? cause.message : 'The store failed.' }
      await append(actor, failed).catch((second: unknown) => onFailure(`the audit log does not say that ${change.action} of ${change.subject} failed`, second))
      throw cause
    }
  }
  return {
    recorded: async (actor, change, perform) => {
      try {
        await append(actor, change)
      } catch (cause) {
        onFailure(`the audit log did not take ${change.action} of ${change.subject}`, cause)
        throw new Refusal(503, 'api_error', 'The audit log could not be written, so nothing was changed. Try again; the log of the gateway says why.')
      }
      return attempted(actor, change, perform)
    },
    withdrawn: async (actor, change, perform) => {
      let failure: unknown
      let isRecorded = true
      const late = Promise.withResolvers<never>()
      const cancel = clock.after(patienceMillis, () => late.reject(new Error(`the audit log did not answer within ${patienceMillis} ms`)))
      await Promise.race([append(actor, change), late.promise]).catch((cause: unknown) => {
        isRecorded = false
        failure = cause
      })
      cancel()
      const value = await (isRecorded ? attempted(actor, change, perform) : perform())
      if (isRecorded) return value
      onFailure(`the audit log does not say that ${change.action} of ${change.subject} was done`, failure)
      throw new Refusal(
        500,
        'api_error',
        `Done, but the audit log could not be written. Repeat the call until it succeeds: then it is recorded, and changes nothing more.`,
      )
    },
    handedOut: async (actor, change, undo) => {
      try {
        await append(actor, change)
      } catch (cause) {
        onFailure(`the audit log did not take ${change.action} of ${change.subject}`, cause)
        await undo()
        throw new Refusal(
          503,
          'api_error',
          'The audit log could not be written, so what was made has been withdrawn again. Try again; the log of the gateway says why.',
        )
      }
    },
  }
}
