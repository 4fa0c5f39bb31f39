import { firstVersions, type TestCall, type World } from './world.ts'

/** Whose thing a call is about, for a token that `acme/web` bounds. */
export type Place = 'own' | 'foreign' | 'above'

/** A call of a route, and what a token that may not see its place gets: nothing there (404), or an answer without it (200). */
export interface Sample {
  readonly call: (world: World, place: Place) => TestCall
  readonly unseen: 'not-found' | 'left-out'
}

const scopeOf = { own: 'acme/web', foreign: 'acme/ops', above: 'acme' } as const
const deepScopeOf = { own: 'acme/web/ada', foreign: 'acme/ops/bob', above: 'acme' } as const
const developerOf = { own: 'ada', foreign: 'bob', above: 'zed' } as const
const budget = { unit: 'nano-usd', amount: '1000000000', window: { kind: 'day' } }
const policies = { other: { version: 1, rules: ['when kind is title use claude-sonnet-5-5'] } }
const where = (place: Place): string => `where=scope=${deepScopeOf[place]}`

/** A call of every route. A route without one fails the matrix. */
export const samples: Readonly<Record<string, Sample>> = {
  'scopes.add': { unseen: 'not-found', call: (_, place) => ({ method: 'POST', path: 'scopes', body: { path: `${scopeOf[place]}/new` } }) },
  'scopes.list': { unseen: 'not-found', call: (_, place) => ({ method: 'GET', path: `scopes?under=${scopeOf[place]}` }) },
  'scopes.get': { unseen: 'not-found', call: (_, place) => ({ method: 'GET', path: `scope?path=${deepScopeOf[place]}` }) },
  'scopes.archive': {
    unseen: 'not-found',
    call: (_, place) => ({ method: 'POST', path: 'scopes/archive', body: { path: deepScopeOf[place], reason: 'left' } }),
  },
  'keys.issue': { unseen: 'not-found', call: (_, place) => ({ method: 'POST', path: 'keys', body: { scope: deepScopeOf[place] } }) },
  'keys.list': { unseen: 'not-found', call: (_, place) => ({ method: 'GET', path: `keys?under=${scopeOf[place]}` }) },
  'keys.get': { unseen: 'not-found', call: ({ keys }, place) => ({ method: 'GET', path: `keys/${keys[place].id}` }) },
  'keys.rotate': { unseen: 'not-found', call: ({ keys }, place) => ({ method: 'POST', path: `keys/${keys[place].id}/rotate`, body: {} }) },
  'keys.revoke': { unseen: 'not-found', call: ({ keys }, place) => ({ method: 'POST', path: `keys/${keys[place].id}/revoke`, body: { reason: 'left' } }) },
  'budgets.define': { unseen: 'not-found', call: (_, place) => ({ method: 'POST', path: 'budgets', body: { ...budget, subject: { scope: scopeOf[place] } } }) },
  // An id that is somebody else's, for a subject of one's own: taking it over must fail too.
  'budgets.put': {
    unseen: 'not-found',
    call: (_, place) => ({ method: 'PUT', path: `budgets/bg_${place}`, body: { ...budget, subject: { scope: 'acme/web' } } }),
  },
  'budgets.list': { unseen: 'left-out', call: () => ({ method: 'GET', path: 'budgets' }) },
  'budgets.status': { unseen: 'not-found', call: (_, place) => ({ method: 'GET', path: `budgets/status?scope=${scopeOf[place]}` }) },
  'budgets.effective': { unseen: 'not-found', call: (_, place) => ({ method: 'GET', path: `budgets/effective?scope=${deepScopeOf[place]}` }) },
  'budgets.get': { unseen: 'not-found', call: (_, place) => ({ method: 'GET', path: `budgets/bg_${place}` }) },
  'budgets.remove': { unseen: 'not-found', call: (_, place) => ({ method: 'DELETE', path: `budgets/bg_${place}` }) },
  'budgets.raise': {
    unseen: 'not-found',
    call: (_, place) => ({ method: 'POST', path: `budgets/bg_${place}/raises`, body: { amount: '1', until: '2026-12-24T00:00:00Z', reason: 'release week' } }),
  },
  'limits.define': {
    unseen: 'not-found',
    call: (_, place) => ({ method: 'POST', path: 'limits', body: { unit: 'requests', amount: 5, subject: { scope: scopeOf[place] } } }),
  },
  'limits.put': {
    unseen: 'not-found',
    call: (_, place) => ({ method: 'PUT', path: `limits/lm_${place}`, body: { unit: 'requests', amount: 5, subject: { scope: 'acme/web' } } }),
  },
  'limits.list': { unseen: 'left-out', call: () => ({ method: 'GET', path: 'limits' }) },
  'limits.remove': { unseen: 'not-found', call: (_, place) => ({ method: 'DELETE', path: `limits/lm_${place}` }) },
  'audit.read': { unseen: 'left-out', call: () => ({ method: 'GET', path: 'audit' }) },
  'audit.verify': { unseen: 'left-out', call: () => ({ method: 'GET', path: 'audit/verify' }) },
  report: { unseen: 'left-out', call: (_, place) => ({ method: 'GET', path: `report?groupBy=developer,scope&${where(place)}` }) },
  exchanges: { unseen: 'left-out', call: (_, place) => ({ method: 'GET', path: `exchanges?session=session-of-${developerOf[place]}` }) },
  gateway: { unseen: 'left-out', call: () => ({ method: 'GET', path: 'gateway' }) },
  openapi: { unseen: 'left-out', call: () => ({ method: 'GET', path: 'openapi.json' }) },
  'chargeback.leaderboard': { unseen: 'left-out', call: (_, place) => ({ method: 'GET', path: `chargeback/leaderboard?${where(place)}` }) },
  'chargeback.sessions': { unseen: 'left-out', call: (_, place) => ({ method: 'GET', path: `chargeback/sessions?${where(place)}` }) },
  'chargeback.concentration': { unseen: 'left-out', call: (_, place) => ({ method: 'GET', path: `chargeback/concentration?by=key&${where(place)}` }) },
  'chargeback.cache-health': { unseen: 'left-out', call: (_, place) => ({ method: 'GET', path: `chargeback/cache-health?${where(place)}` }) },
  'policy.current': { unseen: 'left-out', call: () => ({ method: 'GET', path: 'policy' }) },
  'policy.version': { unseen: 'left-out', call: () => ({ method: 'GET', path: `policy/versions/${firstVersions[0]}` }) },
  'policy.history': { unseen: 'left-out', call: () => ({ method: 'GET', path: 'policy/history' }) },
  'policy.publish': { unseen: 'left-out', call: () => ({ method: 'POST', path: 'policy', body: { policy: policies.other, expected: firstVersions[1] } }) },
  'policy.rollback': {
    unseen: 'left-out',
    call: () => ({ method: 'POST', path: 'policy/rollback', body: { version: firstVersions[0], expected: firstVersions[1], reason: 'too slow' } }),
  },
  'policy.validate': { unseen: 'left-out', call: () => ({ method: 'POST', path: 'policy/validate', body: { policy: policies.other } }) },
  'policy.diff': { unseen: 'left-out', call: () => ({ method: 'POST', path: 'policy/diff', body: { policy: policies.other } }) },
  'policy.schema': { unseen: 'left-out', call: () => ({ method: 'GET', path: 'policy/schema' }) },
  explain: { unseen: 'not-found', call: (_, place) => ({ method: 'GET', path: `explain/ex_${place === 'own' ? 'ada' : 'bob'}` }) },
  'what-if': {
    unseen: 'left-out',
    call: (_, place) => ({
      method: 'POST',
      path: 'what-if',
      body: {
        policy: policies.other,
        budgets: [{ ...budget, subject: { scope: scopeOf[place] } }],
        groupBy: 'developer',
        where: [`scope=${deepScopeOf[place]}`],
      },
    }),
  },
}
