import { ConfigurationError } from '@sluice/core'
import type { AdminRole } from './power.ts'
import type { Route } from './route.ts'

/** Who may call a route. */
export interface Access {
  /** The weakest role that may. */
  readonly role: AdminRole
  /** A token that is bounded by a scope: `within` sees and changes what lies within; `never` may not call it, as what it tells is not kept by scope. */
  readonly bounded: 'within' | 'never'
}

const look: Access = { role: 'read', bounded: 'within' }
const operate: Access = { role: 'operate', bounded: 'within' }
const govern: Access = { role: 'admin', bounded: 'within' }

/** The one place that says who may do what. A route that is not in it is not built. */
export const accessTable: Readonly<Record<string, Access>> = {
  'scopes.add': govern,
  'scopes.list': look,
  'scopes.get': look,
  'scopes.archive': govern,
  'keys.issue': operate,
  'keys.list': look,
  'keys.get': look,
  'keys.rotate': operate,
  'keys.revoke': operate,
  'budgets.define': govern,
  'budgets.put': govern,
  'budgets.list': look,
  'budgets.status': look,
  'budgets.effective': look,
  'budgets.get': look,
  'budgets.remove': govern,
  'budgets.raise': operate,
  'limits.define': govern,
  'limits.put': govern,
  'limits.list': look,
  'limits.remove': govern,
  'audit.read': { role: 'read', bounded: 'never' },
  'audit.verify': { role: 'read', bounded: 'never' },
  report: look,
  exchanges: look,
  gateway: look,
  openapi: look,
  'chargeback.leaderboard': look,
  'chargeback.sessions': look,
  'chargeback.concentration': look,
  'chargeback.cache-health': look,
  'policy.current': { role: 'read', bounded: 'never' },
  'policy.version': { role: 'read', bounded: 'never' },
  'policy.history': { role: 'read', bounded: 'never' },
  // It says where everybody's exchanges go.
  'policy.publish': { role: 'admin', bounded: 'never' },
  'policy.rollback': { role: 'admin', bounded: 'never' },
  'policy.validate': { role: 'read', bounded: 'never' },
  'policy.diff': { role: 'read', bounded: 'never' },
  'policy.schema': look,
  explain: look,
  'what-if': look,
}

/**
 * The access of every route.
 *
 * @throws ConfigurationError for a route without an entry, an entry without a route, and two routes of one name or one place
 */
export function accessOf(routes: readonly Route[], table: Readonly<Record<string, Access>> = accessTable): ReadonlyMap<Route, Access> {
  const found = new Map<Route, Access>()
  for (const route of routes) {
    const access = Object.hasOwn(table, route.name) ? table[route.name] : undefined
    if (access === undefined) throw new ConfigurationError('routes', `"${route.name}" has no entry in the access table. Say there who may call it.`)
    if (routes.some((other) => other !== route && (other.name === route.name || (other.method === route.method && other.path === route.path))))
      throw new ConfigurationError('routes', `"${route.name}" is there twice, by its name or by its place.`)
    found.set(route, access)
  }
  for (const name of Object.keys(table))
    if (!routes.some((route) => route.name === name)) throw new ConfigurationError('routes', `the access table names "${name}", and there is no such route.`)
  return found
}
