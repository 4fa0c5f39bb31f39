import type { Attribution } from '../entry/attribution.ts'
import type { Fault } from '../errors.ts'
import type { Principal } from '../ports/key-ring.ts'
import type { Ledger, LedgerEntry } from '../ports/ledger.ts'
import type { Settlement } from '../entry/settlement.ts'

/** Context that the record takes along where middleware added it. */
export interface RecordedContext {
  readonly attribution?: Attribution
  readonly principal?: Principal
}

/** Keeps a settled exchange somewhere. Never rejects: the client has been served, and a store's trouble is the operator's. */
export type Recorder = (settlement: Settlement, context: RecordedContext) => Promise<void>

/** What a key may do is no part of what an exchange was. */
function recorded({ restrictions: _restrictions, ...principal }: Principal): Principal {
  return principal
}

const unattributed: Attribution = { kind: { value: 'other', source: 'request-shape' }, tags: {} }

/** A recorder into a ledger; a failed append becomes a fault that names the exchange. */
export function recordInto(ledger: Ledger, onFault: (fault: Fault) => void): Recorder {
  return async (settlement, { attribution = unattributed, principal }) => {
    const entry: LedgerEntry = { ...settlement, attribution, ...(principal !== undefined && { principal: recorded(principal) }) }
    try {
      await ledger.append(entry)
    } catch (cause) {
      onFault({ code: 'ledger-append-failed', message: 'the ledger did not keep an exchange', exchangeId: settlement.exchangeId, source: 'ledger', cause })
    }
  }
}
