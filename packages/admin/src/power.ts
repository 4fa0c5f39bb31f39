import { isWithin } from '@sluice/core'

/** What a token may do. `read`: look; `operate`: keys and raises too; `admin`: everything. */
export type AdminRole = 'read' | 'operate' | 'admin'

/** Every role, from the weakest up. */
export const adminRoles: readonly AdminRole[] = ['read', 'operate', 'admin']

/** Who asks. */
export interface AdminActor {
  /** The token's name: the actor in the audit log. */
  readonly name: string
  readonly role: AdminRole
  /** Path of the scope that bounds it. Absent: the whole organisation. */
  readonly scope?: string
}

/** True where the actor's role includes the one that is needed. */
export function hasRole(actor: AdminActor, needed: AdminRole): boolean {
  return adminRoles.indexOf(actor.role) >= adminRoles.indexOf(needed)
}

/** True where the actor sees and may change what belongs to this scope. */
export function reaches(actor: AdminActor, scope: string): boolean {
  return actor.scope === undefined || isWithin(scope, actor.scope)
}
