import type { PolicyDocument, PolicyShelf } from '@sluice/core'
import { parsePolicyText, type Policy } from '@sluice/core/policy'
import { notFound, Refusal, shown } from '../refusal.ts'
import type { AdminStores } from '../stores.ts'

/** The shelf. @throws Refusal where the gateway has none */
export function shelfOf({ policies }: Pick<AdminStores, 'policies'>): PolicyShelf {
  if (policies !== undefined) return policies
  throw new Refusal(404, 'not_found_error', 'This gateway keeps no policies: its admin API was built without stores.policies.')
}

/** A document of the shelf. @throws Refusal 404 for a version that was never in force */
export async function documentOf(shelf: PolicyShelf, version: string): Promise<PolicyDocument> {
  const found = await shelf.version(version)
  if (found === undefined) throw notFound(`policy version "${shown(version)}"`)
  return found
}

/** The policy in a document. A shelf takes only what was valid when it was published. */
export function policyOf({ document }: PolicyDocument): Policy {
  return parsePolicyText(document) as Policy
}
