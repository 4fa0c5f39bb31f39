import type { LedgerEntry, ReportDimension, ReportQuery, ScopeLevel, ScopeTree } from '@sluice/core'
import { isWithin } from '@sluice/core'
import type { AdminActor } from '../power.ts'

const dimensionOf: Readonly<Record<ScopeLevel, Exclude<ReportDimension, 'hour' | 'day'>>> = {
  organisation: 'organisation',
  'business-unit': 'businessUnit',
  'sub-business-unit': 'subBusinessUnit',
  'cost-centre': 'costCentre',
  // Nothing lies below a developer.
  developer: 'scope',
}

/**
 * The same question, narrowed to what the actor may see; undefined where nothing of it is left. A ledger knows the scope of each level above an exchange's
 * own, so being within the actor's scope is having it at its level.
 */
export async function withinScope(actor: AdminActor, query: ReportQuery, scopes: Pick<ScopeTree, 'lineage'>): Promise<ReportQuery | undefined> {
  if (actor.scope === undefined) return query
  const level = (await scopes.lineage(actor.scope))?.at(-1)?.level
  if (level === undefined) return undefined
  const dimension = dimensionOf[level]
  const asked = query.where?.[dimension]
  if (asked !== undefined && asked !== actor.scope) return undefined
  return { ...query, where: { ...query.where, [dimension]: actor.scope } }
}

/** True for an exchange whose key belongs within the actor's scope. */
export function isEntryWithin(actor: AdminActor, entry: LedgerEntry): boolean {
  const { scope } = actor
  return scope === undefined || (entry.principal?.scopes ?? []).some(({ path }) => isWithin(path, scope))
}
