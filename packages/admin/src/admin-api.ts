import { auditTrail, ConfigurationError, newExchangeId, type Clock, type Pricing } from '@sluice/core'
import { accessOf, type Access } from './access.ts'
import { tokenCheck, type AdminToken } from './admin-token.ts'
import { changeRecorder, type OnFailure } from './change.ts'
import { idempotency } from './idempotency.ts'
import { openapiDocument, parameterNames, type OpenapiDocument } from './openapi.ts'
import { hasRole, type AdminActor, type AdminRole } from './power.ts'
import { Refusal, shown } from './refusal.ts'
import { checkBody, checkQuery, readJson, type ParameterNames } from './request-input.ts'
import { matchesOf, type Answer, type Match, type Route } from './route.ts'
import { adminRoutes } from './routes/admin-routes.ts'
import type { AdminGatewayJson, AdminParts, AdminStores } from './stores.ts'

/** Everything under this is the admin API's. */
export const adminPrefix: string = '/admin/v1/'

/** Options of {@link adminApi}. */
export interface AdminApiOptions {
  readonly stores: AdminStores
  /** Who may come in, and how far. */
  readonly tokens: readonly AdminToken[]
  readonly clock: Clock
  /** What the gateway says of itself. */
  readonly gateway: AdminGatewayJson
  /** What a caller without a token may do whom the adapter vouches for (`isLocal`). @defaultValue nothing */
  readonly localRole?: AdminRole
  /** Of calendar budgets, and of days and hours in reports, where a call names none. @defaultValue 'UTC' */
  readonly timeZone?: string
  /** Names of the configured upstreams: a policy that names another is refused. @defaultValue not checked */
  readonly upstreams?: readonly string[]
  /** The gateway's, where it has its own: for what-if, and for what a broken cache costs. @defaultValue list prices */
  readonly pricing?: Pricing
  /** Called after a policy came into force through this API: `router.refresh`. Where it fails, the gateway finds the policy within seconds by itself. */
  readonly onPolicyPublished?: () => unknown
  /** Told of what only the operator can mend: a store that fails, an audit log that cannot be written. No secret is in it. */
  readonly onFailure?: OnFailure
}

/** What an adapter knows of a request beyond what the request says. */
export interface AdminContext {
  /** A program on the gateway's own machine asks: no web page, and nobody behind a proxy. */
  readonly isLocal?: boolean
}

/** The admin API of a gateway. */
export interface AdminApi {
  /** Answers one request under {@link adminPrefix}; never rejects. Mount it explicitly: nothing else does. */
  readonly fetch: (request: Request, context?: AdminContext) => Promise<Response>
  /** The document that `GET /admin/v1/openapi.json` answers with. */
  readonly openapi: OpenapiDocument
}

/**
 * Builds the admin API.
 *
 * @throws ConfigurationError for a token that is not usable, and for a route that the access table does not know
 */
export function adminApi(options: AdminApiOptions): AdminApi {
  const { stores, clock, onFailure = () => undefined } = options
  const timeZone = options.timeZone ?? 'UTC'
  if (options.tokens.length === 0 && options.localRole === undefined)
    throw new ConfigurationError(
      'tokens',
      'is empty, so nobody could come in. Give at least one token: { name, tokenHash: await hashAdminToken(token), role }.',
    )
  const identify = tokenCheck(options.tokens)
  const trail = auditTrail({ log: stores.audit, clock })
  const changes = changeRecorder(trail, onFailure, clock)
  let openapi: OpenapiDocument = {}
  const onPolicyPublished = async (): Promise<void> => {
    try {
      await options.onPolicyPublished?.()
    } catch (cause) {
      onFailure('a policy was published, and the gateway has not fetched it yet', cause)
    }
  }
  const parts: AdminParts = {
    stores,
    changes,
    trail,
    now: () => clock.now(),
    timeZone,
    gateway: options.gateway,
    upstreams: options.upstreams,
    pricing: options.pricing,
    onPolicyPublished,
    pause: () => new Promise((resolve) => void clock.after(0, resolve)),
  }
  const routes = adminRoutes(parts, () => openapi)
  const access = accessOf(routes)
  openapi = openapiDocument(access, adminPrefix, options.gateway.version)
  const names = new Map(routes.map((route) => [route, parameterNames(route.query)]))
  const memory = idempotency({ clock })

  const actorOf = async (request: Request, { isLocal }: AdminContext): Promise<AdminActor> => {
    const header = request.headers.get('authorization')
    const presented = header === null ? undefined : /^bearer +(\S+) *$/i.exec(header)?.[1]
    const actor = presented === undefined ? undefined : await identify(presented)
    if (actor !== undefined) return actor
    if (isLocal === true && options.localRole !== undefined) return { name: 'local', role: options.localRole }
    if (options.tokens.length === 0)
      throw new Refusal(
        403,
        'permission_error',
        'Reports are for programs on the machine of the gateway. To read them from elsewhere, start it with --admin-token (or SLUICE_ADMIN_TOKEN) and send that as a bearer token.',
      )
    throw new Refusal(
      401,
      'authentication_error',
      `Reports and administration of this gateway need its admin token${presented === undefined ? '' : ', and this is not it'}. Send it as "Authorization: Bearer …" (--admin-token, SLUICE_ADMIN_TOKEN).`,
      { 'www-authenticate': 'Bearer' },
    )
  }

  const answerTo = async (request: Request, context: AdminContext): Promise<{ readonly status: number; readonly body: unknown }> => {
    const url = new URL(request.url)
    refusePages(request, url)
    const actor = await actorOf(request, context)
    const { route, id } = matchOf(routes, request.method, url.pathname)
    checkPower(actor, access.get(route) as Access, options.tokens.length > 0)
    const query = checkQuery(route.query, names.get(route) as ParameterNames, url.searchParams)
    const body = route.body === undefined ? undefined : checkBody(route.body, await readJson(request))
    const handle = (): Promise<Answer> => route.handle({ actor, id, query, body })
    const key = request.headers.get('idempotency-key')
    const answer =
      key === null || route.method === 'GET'
        ? await handle()
        : await memory.once(key, actor.name, `${route.method} ${url.pathname}${url.search}`, body ?? null, handle)
    return { status: answer.status ?? route.status ?? 200, body: answer.body }
  }

  return {
    openapi,
    fetch: async (request, context = {}) => {
      try {
        const { status, body } = await answerTo(request, context)
        return respond(status, body)
      } catch (cause) {
        const refusal = toRefusal(cause, onFailure)
        return respond(
          refusal.status,
          { type: 'error', error: { type: refusal.type, message: refusal.message }, request_id: newExchangeId(clock.now()) },
          refusal.headers,
        )
      }
    },
  }
}

/** Cookies mean nothing here, so a page could only ride on being on the operator's machine or on a token it was told: neither is a page's business. */
function refusePages(request: Request, url: URL): void {
  const origin = request.headers.get('origin')
  const site = request.headers.get('sec-fetch-site')
  const isOwn = origin === null || (URL.canParse(origin) && new URL(origin).host === url.host)
  if (isOwn && (site === null || site === 'none' || site === 'same-origin')) return
  throw new Refusal(403, 'permission_error', 'The admin API answers programs, not pages of other web sites. Call it from a program, without an Origin header.')
}

function matchOf(routes: readonly Route[], method: string, pathname: string): Match {
  const matches = pathname.startsWith(adminPrefix) ? matchesOf(routes, pathname.slice(adminPrefix.length)) : []
  if (matches.length === 0)
    throw new Refusal(
      404,
      'not_found_error',
      `There is nothing at this path. There are ${[...new Set(routes.map(({ path }) => adminPrefix + path))].join(', ')}; ids are compared as they stand.`,
    )
  const match = matches.find(({ route }) => route.method === method)
  if (match === undefined) {
    const allowed = matches.map(({ route }) => route.method).join(', ')
    throw new Refusal(405, 'invalid_request_error', `Only ${allowed} here.`, { allow: allowed })
  }
  return match
}

function checkPower(actor: AdminActor, { role, bounded }: Access, hasTokens: boolean): void {
  if (!hasRole(actor, role))
    throw new Refusal(
      403,
      'permission_error',
      hasTokens
        ? `The token "${actor.name}" has the role ${actor.role}, and this needs ${role}. Use another token.`
        : `Without an admin token this gateway only tells; this needs the role ${role}. Start it with --admin-token (or SLUICE_ADMIN_TOKEN).`,
    )
  if (actor.scope !== undefined && bounded === 'never')
    throw new Refusal(
      403,
      'permission_error',
      `The token "${actor.name}" is bounded by the scope "${actor.scope}", and this is not kept by scope. Use a token without one.`,
    )
}

function toRefusal(cause: unknown, onFailure: OnFailure): Refusal {
  if (cause instanceof Refusal) return cause
  // Core checks what a schema cannot, and says what to do.
  if (ConfigurationError.is(cause)) return new Refusal(400, 'invalid_request_error', shown(cause.message, 1_000))
  onFailure('a store could not answer the admin API', cause)
  return new Refusal(500, 'api_error', "The store could not answer. The gateway's log says why.")
}

function respond(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', ...headers },
  })
}
