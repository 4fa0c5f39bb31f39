import { passthroughCredential, splitCredential, swapCredential, type StaticKey, type UpstreamCredential, type UpstreamOptions } from '@sluice/core'
import { UsageError } from '../errors.ts'
import { isLoopbackHost } from './loopback.ts'
import { given, givenOr, type Given, type SettingSources } from './setting.ts'
import * as specs from './setting-specs.ts'
import { withKeys, type NamedUpstream } from './upstream-setting.ts'

/** Who is let in. */
export type Access =
  /** Holders of the keys that were configured. */
  | { readonly kind: 'keys'; readonly keys: readonly StaticKey[] }
  /** Holders of keys that were issued through the admin API, and nobody else: how a gateway beyond loopback needs no key in its configuration. */
  | { readonly kind: 'issued' }
  /** Nobody configured a key for a gateway that spends its operator's money: one is made for this run. */
  | { readonly kind: 'generated' }
  /** Clients bring the upstream's own credential, which is what lets them in there. */
  | { readonly kind: 'own-credential' }
  /** Anybody on this machine. */
  | { readonly kind: 'open' }

/** Where requests go. */
export type UpstreamPlan =
  | { readonly kind: 'rehearsal' }
  | { readonly kind: 'url'; readonly baseUrl: string; readonly key: string | undefined }
  /** Given as NAME=URL. All of them have a key, or none. */
  | { readonly kind: 'named'; readonly upstreams: readonly NamedUpstream[] }
  | { readonly kind: 'configured'; readonly upstreams: readonly UpstreamOptions[] }

/** What `sluice start` decided from its settings about money and access. */
export interface StartPlan {
  readonly host: string
  readonly upstream: UpstreamPlan
  readonly credential: UpstreamCredential['mode']
  readonly access: Access
  /** What the operator should know, in sentences. */
  readonly notices: readonly string[]
}

/**
 * Decides whose credential goes upstream and who is let in.
 *
 * @throws UsageError for settings that contradict each other, or that would let strangers spend
 */
export function planStart(sources: SettingSources, upstreams: readonly UpstreamOptions[] | undefined, hasFurtherTokens = false): StartPlan {
  const canIssue = hasFurtherTokens || given(specs.adminTokenSpec, sources) !== undefined
  const host = givenOr(specs.hostSpec, sources, '127.0.0.1')
  const key = given(specs.upstreamKeySpec, sources)
  const keys = given(specs.keysSpec, sources)
  const noAuth = givenOr(specs.noAuthSpec, sources, false)
  const notices: string[] = []
  const upstream = planUpstream(sources, upstreams, key, notices)
  const credential = planCredential(upstream, given(specs.credentialSpec, sources), key, keys, canIssue, notices)
  const access = planAccess(upstream, credential, keys, noAuth, canIssue && !isLoopbackHost(host.value))
  if (access.kind === 'own-credential' && canIssue)
    notices.push(
      'Holders of issued keys send their own Anthropic credential beside it (the key in x-sluice-key): without an upstream key the gateway has none to send.',
    )
  if (!isLoopbackHost(host.value) && access.kind !== 'keys' && access.kind !== 'issued') {
    const why = {
      generated: 'a key made for this run is for trying things out on one machine',
      'own-credential': 'nobody is authenticated by the gateway',
      open: 'nobody is authenticated',
    }[access.kind]
    throw new UsageError(
      `${host.origin}: "${host.value}" is reachable from other machines, and ${why}. Configure keys (--key DEVELOPER=SECRET or SLUICE_KEYS), or an admin token to issue them with (SLUICE_ADMIN_TOKEN)${noAuth.value ? ` and drop ${noAuth.origin}` : ''}, or listen on 127.0.0.1.`,
    )
  }
  return { host: host.value, upstream, credential, access, notices }
}

function planUpstream(
  sources: SettingSources,
  upstreams: readonly UpstreamOptions[] | undefined,
  key: Given<readonly string[]> | undefined,
  notices: string[],
): UpstreamPlan {
  const rehearse = givenOr(specs.rehearseSpec, sources, false)
  const url = given(specs.upstreamSpec, sources)
  if (rehearse.value) {
    if (url?.layer === rehearse.layer) throw new UsageError(`${rehearse.origin} and ${url.origin} name two upstreams. Give one of them.`)
    return { kind: 'rehearsal' }
  }
  if (upstreams !== undefined && (url === undefined || url.layer === 'file')) {
    if (url !== undefined) throw new UsageError(`${url.origin} and "upstreams" name two upstreams. Give one of them.`)
    for (const spec of [specs.upstreamKeySpec, specs.credentialSpec, specs.heartbeatSpec]) {
      const found = given<unknown>(spec, sources)
      // From the environment it may be what the file itself reads.
      if (found?.layer === 'flag' || found?.layer === 'file')
        throw new UsageError(`${found.origin} goes with one upstream, and the configuration file has "upstreams". Say it there, for each.`)
    }
    return { kind: 'configured', upstreams }
  }
  if (upstreams !== undefined) notices.push(`${url?.origin} takes the place of "upstreams" in the configuration file.`)
  const addresses = url?.value ?? [{ baseUrl: 'https://api.anthropic.com' }]
  const [only] = addresses
  const plan: UpstreamPlan =
    only !== undefined && only.name === undefined
      ? { kind: 'url', baseUrl: only.baseUrl, key: key?.value.at(-1) }
      : { kind: 'named', upstreams: withKeys(addresses, key) }
  for (const { protocol, hostname } of addresses.map(({ baseUrl }) => new URL(baseUrl))) {
    if (protocol !== 'http:' || isLoopbackHost(hostname)) continue
    const whose = plan.kind === 'url' ? 'The upstream' : `The upstream ${hostname}`
    notices.push(`${whose} is asked over plain http: prompts${key === undefined ? '' : ' and the upstream key'} can be read on the way.`)
  }
  return plan
}

function planCredential(
  upstream: UpstreamPlan,
  asked: Given<UpstreamCredential['mode']> | undefined,
  key: Given<readonly string[]> | undefined,
  keys: Given<readonly StaticKey[]> | undefined,
  canIssue: boolean,
  notices: string[],
): UpstreamCredential['mode'] {
  const hasKeys = keys !== undefined && keys.value.length > 0
  const check = (mode: UpstreamCredential['mode'], origin: string): UpstreamCredential['mode'] => checkMode(mode, origin, hasKeys, canIssue)
  if (upstream.kind === 'configured') {
    const modes = new Set(upstream.upstreams.map(({ credential }) => credential.mode))
    if (modes.size > 1) throw new UsageError(`upstreams use the credential modes ${[...modes].join(' and ')}. Clients can follow one; use the same for all.`)
    return check([...modes][0] as UpstreamCredential['mode'], 'upstreams in the configuration file')
  }
  if (upstream.kind === 'rehearsal') return asked === undefined ? 'swap' : check(asked.value, asked.origin)
  if (asked === undefined) return key !== undefined ? 'swap' : hasKeys ? 'split' : 'passthrough'
  if (asked.value === 'swap' && key === undefined)
    throw new UsageError(
      `${asked.origin}: "swap" sends the gateway's own key upstream, and there is none. Set SLUICE_UPSTREAM_KEY (or --upstream-key), or use --rehearse.`,
    )
  if (asked.value !== 'swap' && key !== undefined) {
    if (key.layer === asked.layer)
      throw new UsageError(
        `${asked.origin}: "${asked.value}" sends the client's own credential upstream, so ${key.origin} would never be used. Drop one of them.`,
      )
    notices.push(`${key.origin} is not used: ${asked.origin} is "${asked.value}", which sends the client's own credential.`)
  }
  return check(asked.value, asked.origin)
}

function checkMode(mode: UpstreamCredential['mode'], origin: string, hasKeys: boolean, canIssue: boolean): UpstreamCredential['mode'] {
  if (mode === 'split' && !hasKeys && !canIssue)
    throw new UsageError(
      `${origin}: "split" needs keys of the gateway's own. Add --key DEVELOPER=SECRET (or SLUICE_KEYS), or an admin token to issue them with.`,
    )
  if (mode === 'passthrough' && hasKeys)
    throw new UsageError(
      `${origin}: "passthrough" leaves no place for the gateway's keys. Use "split": clients send their own credential as usual and the gateway's key in x-sluice-key.`,
    )
  return mode
}

function planAccess(
  upstream: UpstreamPlan,
  credential: UpstreamCredential['mode'],
  keys: Given<readonly StaticKey[]> | undefined,
  noAuth: Given<boolean>,
  onlyIssued: boolean,
): Access {
  if (keys !== undefined && keys.value.length > 0) {
    if (noAuth.value) throw new UsageError(`${noAuth.origin} and ${keys.origin} contradict each other. Give one of them.`)
    return { kind: 'keys', keys: keys.value }
  }
  if (credential === 'passthrough') return { kind: 'own-credential' }
  // Only with an admin token: there would be no keys at all without.
  if (credential === 'split') return { kind: 'issued' }
  if (noAuth.value || upstream.kind === 'rehearsal') return { kind: 'open' }
  return { kind: onlyIssued ? 'issued' : 'generated' }
}

/** What a plan's upstreams are made with. */
export interface UpstreamTimes {
  readonly heartbeatSeconds?: number | undefined
  /** For those that say nothing themselves. */
  readonly deadlineSeconds?: number | undefined
}

/** Names of a plan's upstreams, in order. */
export function namesOf(plan: StartPlan): readonly string[] {
  return upstreamsOf(plan, 'http://127.0.0.1').map(({ name }) => name)
}

/** The upstreams of a plan, once the rehearsal (if any) runs. */
export function upstreamsOf({ upstream, credential }: StartPlan, rehearsalUrl: string | undefined, times: UpstreamTimes = {}): readonly UpstreamOptions[] {
  const { heartbeatSeconds, deadlineSeconds } = times
  const withDeadline = (made: UpstreamOptions): UpstreamOptions =>
    deadlineSeconds === undefined ? made : { ...made, deadlines: { headMillis: deadlineSeconds * 1000, ...made.deadlines } }
  return namedOf(upstream, rehearsalUrl)
    .map((made) => ('credential' in made ? made : upstreamOf(made, credential, heartbeatSeconds)))
    .map(withDeadline)
}

function namedOf(upstream: UpstreamPlan, rehearsalUrl: string | undefined): readonly (UpstreamOptions | NamedUpstream)[] {
  if (upstream.kind === 'configured' || upstream.kind === 'named') return upstream.upstreams
  // A rehearsal takes any key. The real one never goes there.
  if (upstream.kind === 'rehearsal') return [{ name: 'rehearsal', baseUrl: rehearsalUrl as string, key: 'rehearsal' }]
  const { hostname } = new URL(upstream.baseUrl)
  return [{ ...upstream, name: hostname === 'api.anthropic.com' ? 'anthropic' : hostname }]
}

function upstreamOf({ name, baseUrl, key }: NamedUpstream, credential: UpstreamCredential['mode'], heartbeatSeconds: number | undefined): UpstreamOptions {
  const { hostname } = new URL(baseUrl)
  const hosts = { keyHosts: [hostname], oauthHosts: ['api.anthropic.com', ...(isLoopbackHost(hostname) ? [hostname] : [])] }
  const credentials = {
    swap: () => swapCredential(key as string),
    passthrough: () => passthroughCredential(hosts),
    split: () => splitCredential(hosts),
  }
  return { name, baseUrl, credential: credentials[credential](), ...(heartbeatSeconds !== undefined && { heartbeatMillis: heartbeatSeconds * 1000 }) }
}
