import type { StartPlan } from '../start/plan.ts'
import { version } from '../version.ts'

const authentications = ['none', 'key', 'client-credential'] as const

/** How a gateway tells who asks: not at all, by keys of its own, or by leaving it to the upstream, which checks the client's own credential. */
export type GatewayAuthentication = (typeof authentications)[number]

/** What a gateway says of itself at `GET /admin/v1/gateway`. */
export interface GatewayJson {
  readonly version: string
  readonly authentication: GatewayAuthentication
  /** Its upstream is scripted: any credential will do there, and nothing is spent. */
  readonly isRehearsal: boolean
}

/** What the gateway of a plan says of itself. */
export function toGatewayJson({ access, upstream }: Pick<StartPlan, 'access' | 'upstream'>): GatewayJson {
  const authentication = ({ open: 'none', keys: 'key', issued: 'key', generated: 'key', 'own-credential': 'client-credential' } as const)[access.kind]
  return { version, authentication, isRehearsal: upstream.kind === 'rehearsal' }
}

/** Whether an answer is a gateway's word on itself; another version may say other things. */
export function isGatewayJson(value: Readonly<Record<string, unknown>> | undefined): value is Readonly<Record<string, unknown>> & GatewayJson {
  return authentications.some((authentication) => authentication === value?.['authentication'])
}
