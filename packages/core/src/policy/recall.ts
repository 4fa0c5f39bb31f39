import type { RouteTarget } from '../entry/route-record.ts'
import type { Ledger, LedgerEntry } from '../ports/ledger.ts'
import { conversationKey, isTurn } from './conversation-key.ts'

/** A conversation that this process does not know: begun before it started, or on another replica. */
export interface RecallQuestion {
  readonly tenant: string | undefined
  readonly session: string
  /** Key of the conversation within the session, as {@link conversationKey} makes it. */
  readonly conversation: string
}

/** Where a conversation went last; undefined where nobody knows. */
export type Recall = (question: RecallQuestion) => Promise<RouteTarget | undefined>

/** Recent exchanges of a session that are looked through: side calls and other agents come between. */
const recentEntries = 50

/** Recalls from the ledger, so that a restart or another replica does not move a session. Asked once for each conversation that is under way and unknown. */
export function recallFromLedger(ledger: Pick<Ledger, 'exchanges'>): Recall {
  return async ({ session, conversation }) => {
    const entries = await ledger.exchanges({ session, limit: recentEntries })
    const last = entries.find((entry) => isTurn(entry.attribution.kind.value) && keyOf(entry) === conversation && entry.attempts.length > 0)
    const upstream = last?.attempts.at(-1)?.upstream
    if (last === undefined || upstream === undefined) return undefined
    return { upstream, ...(last.resolvedModel !== undefined && { model: last.resolvedModel }) }
  }
}

function keyOf({ attribution, principal }: LedgerEntry): string | undefined {
  return conversationKey(attribution, principal?.keyId)
}
