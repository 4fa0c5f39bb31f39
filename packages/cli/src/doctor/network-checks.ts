import { messageOf, systemCodeOf } from '../errors.ts'
import { duration } from '../format/figures.ts'
import { httpAsk } from '../gateway/http-ask.ts'
import { finding, type Finding } from './finding.ts'

const timeoutMillis = 8_000
/** What HTTP dates and a round trip blur. */
const tolerableSkewMillis = 5_000
const harmfulSkewMillis = 120_000

/** Asks the upstream for its head, which costs nothing: is it there, and what time does it think it is? */
export async function upstreamChecks(upstream: string, now: () => number): Promise<readonly Finding[]> {
  const startedAt = now()
  try {
    const { status, date } = await httpAsk(`${upstream}/`, { method: 'HEAD', timeoutMillis })
    const endedAt = now()
    return [finding('upstream', 'ok', `${upstream} answers (${status} in ${duration(endedAt - startedAt)})`), clockCheck(date, startedAt, endedAt)]
  } catch (cause) {
    return [
      finding('upstream', 'broken', `${upstream} does not answer: ${failureOf(cause)}`, failureFix(cause)),
      finding('clock', 'skipped', "there is no upstream's clock to compare with"),
    ]
  }
}

/** Compares this machine's clock with a Date header, which counts whole seconds. */
export function clockCheck(date: string | undefined, startedAt: number, endedAt: number): Finding {
  const theirs = date === undefined ? Number.NaN : Date.parse(date)
  if (Number.isNaN(theirs)) return finding('clock', 'skipped', 'the upstream sends no Date header')
  // Their second began at most a second before they answered.
  const skew = endedAt < theirs ? endedAt - theirs : startedAt > theirs + 1000 ? startedAt - theirs - 1000 : 0
  const size = Math.abs(skew)
  const detail = size < 1000 ? "agrees with the upstream's" : `is ${duration(size)} ${skew > 0 ? 'ahead of' : 'behind'} the upstream's`
  const fix = 'Let the system keep the time (NTP): budgets, reports and signed tokens go by it.'
  if (size <= tolerableSkewMillis) return finding('clock', 'ok', detail)
  return finding('clock', size > harmfulSkewMillis ? 'broken' : 'warning', detail, fix)
}

/** Asks the upstream for its models, which is free, with the key. */
export async function keyCheck(upstream: string, key: string | undefined): Promise<Finding> {
  if (key === undefined)
    return finding('upstream key', 'skipped', "none is set: clients' own credentials pass through", 'To check one: --upstream-key or SLUICE_UPSTREAM_KEY.')
  const credential: Record<string, string> = key.startsWith('sk-ant-oat')
    ? { authorization: `Bearer ${key}`, 'anthropic-beta': 'oauth-2025-04-20' }
    : { 'x-api-key': key }
  try {
    const { status } = await httpAsk(`${upstream}/v1/models?limit=1`, { headers: { ...credential, 'anthropic-version': '2023-06-01' }, timeoutMillis })
    if (status === 200) return finding('upstream key', 'ok', 'is accepted')
    if (status === 401 || status === 403)
      return finding('upstream key', 'broken', `is refused (${status})`, 'Check the key in the Anthropic console; it may be revoked, or of another workspace.')
    return finding('upstream key', 'warning', `could not be told: /v1/models answered ${status}`)
  } catch (cause) {
    return finding('upstream key', 'skipped', `could not be told: ${failureOf(cause)}`)
  }
}

/** Is the gateway there? It need not be, unless it was named. */
export async function gatewayCheck(url: string, isNamed: boolean): Promise<Finding> {
  try {
    const { status } = await httpAsk(`${url}/readyz`, { timeoutMillis })
    if (status === 200) return finding('gateway', 'ok', `${url} is ready`)
    return status === 503
      ? finding('gateway', 'warning', `${url} is shutting down`)
      : finding('gateway', 'broken', `${url} answers ${status}: that is not a Sluice gateway`, 'Check --url.')
  } catch (cause) {
    return finding('gateway', isNamed ? 'broken' : 'warning', `${url} does not answer: ${failureOf(cause)}`, 'Start it: npm start')
  }
}

function failureOf(cause: unknown): string {
  if (cause instanceof Error && cause.name === 'AbortError') return `nothing came within ${duration(timeoutMillis)}`
  return systemCodeOf(cause) ?? messageOf(cause)
}

function failureFix(cause: unknown): string {
  const code = systemCodeOf(cause) ?? ''
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return 'The name does not resolve: check --upstream and DNS. Behind a proxy, let this machine out directly: Sluice uses none.'
  if (/CERT|SSL|TLS|SIGNED/.test(code)) return "The certificate is not trusted: if your network replaces it, set NODE_EXTRA_CA_CERTS to your company's root."
  return 'Check --upstream, and that a firewall lets this machine out. To try Sluice without: npm start -- --rehearse'
}
