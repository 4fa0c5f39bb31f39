import type { z } from 'zod'
import type { AdminActor } from './power.ts'

/** Methods of the admin API. */
export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

/** One call of a route, checked. */
export interface Call<Query, Body> {
  readonly actor: AdminActor
  /** What stands in the path in place of `{id}`, as it was received: never decoded. */
  readonly id: string
  readonly query: Query
  readonly body: Body
}

/** What a route answers. */
export interface Answer {
  /** @defaultValue the route's */
  readonly status?: number
  readonly body: object
  /** Told in place of `body` to who repeats the call under one idempotency key: for answers that hold what is shown once. */
  readonly onRepeat?: string
}

/** A route as it is written down. */
export interface RouteDefinition<Query, Body> {
  /** `keys.issue`: its name in the access table and in the OpenAPI document. */
  readonly name: string
  readonly method: Method
  /** Below `/admin/v1/`; one segment may be `{id}`. */
  readonly path: string
  /** One sentence: what it does. */
  readonly about: string
  /** Parameters of the query, all of text; those that may be given several times are arrays. */
  readonly query?: z.ZodType<Query>
  readonly body?: z.ZodType<Body>
  /** Status of a success. @defaultValue 200 */
  readonly status?: number
  /** What a success looks like. */
  readonly answer: z.ZodType
  readonly handle: (call: Call<Query, Body>) => Promise<Answer>
}

/** A route of any query and body. */
export interface Route extends Omit<RouteDefinition<unknown, unknown>, 'handle'> {
  readonly handle: (call: Call<unknown, unknown>) => Promise<Answer>
}

/** Forgets which query and body a route takes: both have been parsed by its own schemas when it is called. */
export function route<Query = undefined, Body = undefined>(definition: RouteDefinition<Query, Body>): Route {
  return { ...definition, handle: (call) => definition.handle(call as Call<Query, Body>) }
}

/** What may stand for `{id}`: letters, digits, hyphens, underscores. A percent sign never matches, so nothing is ever decoded. */
const idPattern = /^[A-Za-z0-9_-]{1,64}$/

/** How a path answers to the routes' own; compared as it stands. */
export interface Match {
  readonly route: Route
  readonly id: string
}

/** The routes of a path, whatever their method. */
export function matchesOf(routes: readonly Route[], path: string): readonly Match[] {
  const segments = path.split('/')
  return routes.flatMap((candidate) => {
    const expected = candidate.path.split('/')
    if (expected.length !== segments.length) return []
    let id = ''
    for (const [at, segment] of segments.entries()) {
      if (expected[at] === '{id}') {
        if (!idPattern.test(segment) || routes.some((other) => isLiteral(other, expected, at, segment))) return []
        id = segment
      } else if (expected[at] !== segment) return []
    }
    return [{ route: candidate, id }]
  })
}

/** True where another route has this very segment in place of the id: `budgets/status` is no budget. */
function isLiteral(other: Route, expected: readonly string[], at: number, segment: string): boolean {
  const parts = other.path.split('/')
  return parts.length === expected.length && parts[at] === segment && parts.slice(0, at).join('/') === expected.slice(0, at).join('/')
}
