import type { Outcome } from '../entry/settlement.ts'
import type { MessageMeter } from '../meter/message-meter.ts'
import type { RelayEnd } from '../relay/relay.ts'
import type { ReplyForm } from '../relay/reply-reader.ts'

/** What a reply's body is. `isRead` where JSON of it is read: metered replies and errors. */
export function formOf(contentType: string | undefined, isRead: boolean): ReplyForm {
  if (contentType === undefined) return 'opaque'
  if (/^text\/event-stream\b/i.test(contentType)) return 'events'
  return isRead && /^application\/(?:[\w.-]+\+)?json\b/i.test(contentType) ? 'json' : 'opaque'
}

/** How an exchange ended whose reply was relayed. `status` is what the client got. */
export function outcomeOf(end: RelayEnd, status: number, meter: MessageMeter): Outcome {
  const { errorType } = meter.facts
  const upstreamError = { origin: 'upstream', code: errorType ?? `status-${status}` } as const
  if (end.kind === 'complete') return status >= 400 ? { kind: 'failed', error: upstreamError } : { kind: 'completed' }
  if (end.kind === 'client-gone') return { kind: 'client-gone' }
  if (end.kind === 'cut') return { kind: 'cut', error: { origin: 'gateway', code: end.error?.code ?? 'refused' } }
  return { kind: 'upstream-truncated', error: end.error === undefined ? upstreamError : { origin: 'gateway', code: end.error.code } }
}
