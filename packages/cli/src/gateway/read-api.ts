import { newExchangeId, type AnthropicErrorType, type Ledger } from '@sluice/core'
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isLoopbackAddress, isLoopbackAuthority } from '../start/loopback.ts'
import { toExchangeJson } from './exchange-json.ts'
import type { GatewayJson } from './gateway-json.ts'
import { allowParameters, QueryError, toExchangeQuery, toReportQuery } from './read-query.ts'
import { emptyTotal, toReportRowJson } from './report-json.ts'

/** Options of {@link readApi}. */
export interface ReadApiOptions {
  /** What the gateway says of itself. */
  readonly gateway: GatewayJson
  readonly ledger: Ledger
  /** Lets in whoever presents it as a bearer. Without one, only this machine's own programs are answered. */
  readonly adminToken: string | undefined
  /** Time zone of hours and days where a question names none. */
  readonly timeZone: string
  /** Told when the ledger cannot answer. */
  readonly onFailure: (cause: unknown) => void
}

/** A refusal in the envelope that clients of the gateway know. */
interface Denial {
  readonly status: number
  readonly type: AnthropicErrorType
  readonly message: string
}

const prefix = '/admin/v1/'
const routes: readonly string[] = ['report', 'exchanges', 'gateway'].map((name) => prefix + name)

/**
 * Answers `GET /admin/v1/report`, `/admin/v1/exchanges` and `/admin/v1/gateway`; for `serve({ before })`. Takes every request under `/admin/`, so
 * that none of them ever reaches an upstream. Paths are compared as they stand on the wire: nothing is decoded.
 */
export function readApi(options: ReadApiOptions): (request: IncomingMessage, response: ServerResponse) => boolean {
  const admit = options.adminToken === undefined ? onlyThisMachine : onlyHolders(options.adminToken)
  return (request, response) => {
    const target = request.url ?? '/'
    if (!target.startsWith('/admin/')) return false
    request.resume()
    const mark = target.indexOf('?')
    const path = mark === -1 ? target : target.slice(0, mark)
    const denial = admit(request) ?? wrongRoute(request.method, path)
    if (denial !== undefined) deny(response, denial)
    else void answer(response, path, new URLSearchParams(mark === -1 ? '' : target.slice(mark + 1)), options)
    return true
  }
}

function wrongRoute(method: string | undefined, path: string): Denial | undefined {
  if (!routes.includes(path)) return { status: 404, type: 'not_found_error', message: `There are ${routes.join(', ')}.` }
  if (method !== 'GET') return { status: 405, type: 'invalid_request_error', message: 'Only GET: this API reads.' }
  return undefined
}

async function answer(
  response: ServerResponse,
  path: string,
  parameters: URLSearchParams,
  { gateway, ledger, timeZone, onFailure }: ReadApiOptions,
): Promise<void> {
  try {
    if (path === `${prefix}gateway`) {
      allowParameters(parameters, [])
      send(response, 200, gateway)
    } else if (path === `${prefix}report`) {
      const query = toReportQuery(parameters, timeZone)
      const rows = (await ledger.report(query)).map(toReportRowJson)
      send(response, 200, { rows: rows.length === 0 && query.groupBy.length === 0 ? [emptyTotal] : rows })
    } else {
      send(response, 200, { exchanges: (await ledger.exchanges(toExchangeQuery(parameters))).map(toExchangeJson) })
    }
  } catch (cause) {
    if (cause instanceof QueryError) return deny(response, { status: 400, type: 'invalid_request_error', message: cause.message })
    onFailure(cause)
    deny(response, { status: 500, type: 'api_error', message: "The ledger could not answer. The gateway's log says why." })
  }
}

/** No token is configured: who asks must be a program on this machine, not a web page shown on it, and not somebody behind a proxy on it. */
function onlyThisMachine({ socket, headersDistinct }: IncomingMessage): Denial | undefined {
  const hosts = headersDistinct['host'] ?? []
  const site = headersDistinct['sec-fetch-site']?.[0]
  const isForwarded = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'].some((name) => name in headersDistinct)
  const isFromPage = headersDistinct['origin'] !== undefined || !(site === undefined || site === 'none' || site === 'same-origin')
  if (isLoopbackAddress(socket.remoteAddress) && hosts.length === 1 && isLoopbackAuthority(hosts[0] as string) && !isForwarded && !isFromPage) return undefined
  return {
    status: 403,
    type: 'permission_error',
    message:
      'Reports are for programs on the machine of the gateway. To read them from elsewhere, start it with --admin-token (or SLUICE_ADMIN_TOKEN) and send that as a bearer token.',
  }
}

function onlyHolders(token: string): (request: IncomingMessage) => Denial | undefined {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  const expected = digest(token)
  return ({ headersDistinct }) => {
    const values = headersDistinct['authorization'] ?? []
    const presented = values.length === 1 ? /^bearer +(\S+) *$/i.exec(values[0] as string)?.[1] : undefined
    if (presented !== undefined && timingSafeEqual(digest(presented), expected)) return undefined
    return {
      status: 401,
      type: 'authentication_error',
      message: `Reports of this gateway need its admin token${presented === undefined ? '' : ', and this is not it'}. Send it as "Authorization: Bearer …" (sluice report --admin-token, SLUICE_ADMIN_TOKEN).`,
    }
  }
}

function deny(response: ServerResponse, { status, type, message }: Denial): void {
  send(
    response,
    status,
    { type: 'error', error: { type, message }, request_id: newExchangeId(Date.now()) },
    status === 401 ? { 'www-authenticate': 'Bearer' } : status === 405 ? { allow: 'GET' } : {},
  )
}

function send(response: ServerResponse, status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): void {
  const body = Buffer.from(JSON.stringify(value))
  response.on('error', () => undefined)
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': body.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...headers,
  })
  response.end(body)
}
