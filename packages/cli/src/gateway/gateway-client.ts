import type { ExchangeJson, ReportRowJson } from '@sluice/admin'
import { CommandError, systemCodeOf, UsageError } from '../errors.ts'
import type { FlagSpecs, Flags } from '../flags/flags.ts'
import type { Terminal } from '../terminal.ts'
import { isGatewayJson, type GatewayJson } from './gateway-json.ts'
import { httpAsk, type HttpAnswer, type HttpQuestion } from './http-ask.ts'

/** Where a gateway is, when nobody says. */
export const defaultGatewayUrl = 'http://127.0.0.1:8787'

/** Flags of the commands that ask a gateway. */
export const gatewayFlags: FlagSpecs = {
  url: { value: 'URL', about: `the gateway (SLUICE_URL, or ${defaultGatewayUrl})` },
  'admin-token': { value: 'T', about: "the gateway's admin token, where it has one (SLUICE_ADMIN_TOKEN)" },
}

const timeoutMillis = 30_000

/** Reads the gateway's URL from flag or environment. @throws UsageError */
export function gatewayUrl(flags: Flags, { environment }: Terminal): string {
  const text = flags.text('url') ?? (environment['SLUICE_URL'] || defaultGatewayUrl)
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new UsageError(`--url: saw "${text}". Give scheme, host and port, such as ${defaultGatewayUrl}.`)
  return url.origin + url.pathname.replace(/\/+$/, '')
}

/** A question to the admin API. */
export interface AdminQuestion {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly query?: URLSearchParams
  readonly body?: object
}

/** Asks a running gateway. */
export interface GatewayClient {
  readonly report: (parameters: URLSearchParams) => Promise<readonly ReportRowJson[]>
  readonly exchanges: (parameters: URLSearchParams) => Promise<readonly ExchangeJson[]>
  /** Any other route, below `/admin/v1/`. */
  readonly admin: (path: string, question?: AdminQuestion) => Promise<Readonly<Record<string, unknown>>>
}

/** A client for the gateway that the flags name. Its calls throw a CommandError that says what to do. */
export function gatewayClient(flags: Flags, terminal: Terminal): GatewayClient {
  const url = gatewayUrl(flags, terminal)
  const token = flags.text('admin-token') ?? (terminal.environment['SLUICE_ADMIN_TOKEN'] || undefined)
  const admin: GatewayClient['admin'] = async (path, { method = 'GET', query, body } = {}) => {
    const headers = { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...(body !== undefined && { 'content-type': 'application/json' }) }
    const target = `${url}/admin/v1/${path}${query === undefined || query.size === 0 ? '' : `?${query.toString()}`}`
    const { status, text } = await ask(target, headers, { method, ...(body !== undefined && { body: JSON.stringify(body) }) })
    const value = parsed(text)
    if (status < 200 || status > 299) {
      const message = (value as { readonly error?: { readonly message?: unknown } } | undefined)?.error?.message
      throw new CommandError(typeof message === 'string' ? message : `${url} answered ${status}, and not like a Sluice gateway. Check --url.`)
    }
    if (value === undefined) throw new CommandError(`${url} answered, but not like a Sluice gateway. Check --url.`)
    return value
  }
  return {
    admin,
    report: async (parameters) => list((await admin('report', { query: parameters }))['rows'], url) as readonly ReportRowJson[],
    exchanges: async (parameters) => list((await admin('exchanges', { query: parameters }))['exchanges'], url) as readonly ExchangeJson[],
  }
}

async function ask(url: string, headers: Readonly<Record<string, string>>, question: Pick<HttpQuestion, 'method' | 'body'> = {}): Promise<HttpAnswer> {
  try {
    return await httpAsk(url, { headers, timeoutMillis, ...question })
  } catch (cause) {
    throw unreachable(new URL(url).origin, cause)
  }
}

/** Whether a gateway answers, and is ready. @throws CommandError where it does not */
export async function assertGateway(url: string): Promise<void> {
  const { status } = await ask(`${url}/healthz`, {})
  if (status !== 200) throw new CommandError(`${url} answered ${status} to /healthz: it is not a Sluice gateway, or not a healthy one. Check --url.`)
}

/** What a gateway says of itself; undefined where it does not tell us: it wants an admin token, or is of another version. */
export async function readGateway(url: string, { environment }: Pick<Terminal, 'environment'>): Promise<GatewayJson | undefined> {
  const token = environment['SLUICE_ADMIN_TOKEN'] || undefined
  try {
    const { status, text } = await ask(`${url}/admin/v1/gateway`, token === undefined ? {} : { authorization: `Bearer ${token}` })
    const value = parsed(text)
    return status === 200 && isGatewayJson(value) ? value : undefined
  } catch {
    return undefined
  }
}

function unreachable(url: string, cause: unknown): CommandError {
  const code = systemCodeOf(cause) ?? (cause instanceof Error ? cause.name : 'no answer')
  return new CommandError(`no gateway answers at ${url} (${code}). Start one with "npm start" (or sluice start), or name another with --url.`, { cause })
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function list(value: unknown, url: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new CommandError(`${url} answered, but not like this version of Sluice. Check --url and the gateway's version.`)
  return value
}
