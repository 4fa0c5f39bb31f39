import { abortCases } from './aborts.ts'
import type { BehaviourCase } from './case.ts'
import { encodingCases } from './encodings.ts'
import { failureCases } from './failures.ts'
import { headerCases } from './headers.ts'
import { heartbeatCases } from './heartbeats.ts'
import { hostileCases } from './hostile.ts'
import { mountingCases } from './mounting.ts'
import { replyCases } from './replies.ts'
import { requestCases } from './requests.ts'

/** The behaviour of a gateway, whatever it is mounted on. */
export const cases: readonly BehaviourCase[] = [
  ...requestCases,
  ...replyCases,
  ...headerCases,
  ...encodingCases,
  ...failureCases,
  ...abortCases,
  ...heartbeatCases,
  ...hostileCases,
  ...mountingCases,
]
