import type { Attribution } from '../entry/attribution.ts'
import type { Principal } from '../ports/key-ring.ts'
import type { SpendFacts } from './subjects.ts'

/** Context that budgets and limits go by, where middleware has added it. */
export interface SpendContext {
  readonly principal?: Principal
  readonly attribution?: Attribution
}

/** Whose spend an exchange is, as subjects of budgets and limits see it. Tags of the key go before those of the client, which may say what it likes. */
export function spendFacts({ principal, attribution }: SpendContext, model: string | undefined): SpendFacts {
  const developer = principal?.developer ?? attribution?.developer?.value
  const repository = attribution?.repository?.value
  const session = attribution?.session?.value
  const budgets = principal?.restrictions?.budgets
  return {
    scopes: principal?.scopes?.map(({ path }) => path) ?? [],
    tags: { ...attribution?.tags, ...principal?.tags },
    ...(principal !== undefined && { keyId: principal.keyId }),
    ...(developer !== undefined && { developer }),
    ...(repository !== undefined && { repository }),
    ...(session !== undefined && { session }),
    ...(model !== undefined && { model }),
    ...(budgets !== undefined && { budgets }),
  }
}
