import { ConfigurationError, positiveWhole } from './errors.ts'
import type { ClientRequest, ClientSink } from './ports/client-request.ts'
import type { EstimateSource } from './exchange/estimates.ts'
import { systemHost, type Host } from './host.ts'
import { pricing, type Pricing } from './meter/price.ts'
import { compose, type AnyMiddleware, type Handler } from './middleware/compose.ts'
import type { Middleware } from './middleware/middleware.ts'
import type { Ledger } from './ports/ledger.ts'
import type { Runtime } from './ports/runtime.ts'
import { checksumDigests, noDigests, type DigestAlgorithm, type DigestFactory } from './wire/digest.ts'
import { defaultAttemptOptions, type AttemptOptions } from './route/ask-targets.ts'
import type { HeadHold } from './route/first-content.ts'
import { toUpstream, type Router } from './route/router.ts'
import { checkUpstream, type Upstream, type UpstreamOptions } from './route/upstream.ts'
import type { LocalRoute } from './local-routes.ts'
import { recordInto, type RecordOptions } from './settle/record.ts'
import type { Settlement } from './entry/settlement.ts'
import { ExchangeRunner } from './run-exchange.ts'

/** What a gateway is made of besides its middleware. */
export interface GatewayOptions {
  /** What the runtime adapter lends: `nodeRuntime()` of `@sluice/adapters-node`, `fetchRuntime()` of `@sluice/adapters-fetch`. */
  readonly runtime: Runtime
  /** At least one; the first is where everything goes unless `.route()` says otherwise. */
  readonly upstreams: readonly UpstreamOptions[]
  /** Hosts that upstreams may be at, spelt as in their URLs; `*.example.com` stands for all below it. An upstream elsewhere is refused when the gateway is built. @defaultValue any */
  readonly egressHosts?: readonly string[]
  /** Clock, ids and the ear for faults. @defaultValue the runtime's clock, random ids, faults dropped */
  readonly host?: Partial<Host>
  /** @defaultValue list prices */
  readonly pricing?: Pricing
  /** Largest request body, counted as it arrives. @defaultValue 67108864 */
  readonly maxBodyBytes?: number
  /** Largest frame that is held whole for observers and for a well-formed end. @defaultValue 262144 */
  readonly maxFrameBytes?: number
  /** How both sides of an exchange are proven equal. @defaultValue 'crc32' */
  readonly digest?: DigestAlgorithm
  /** After the client has left, read on so long for exact usage; by default the upstream is cancelled at once. @defaultValue never */
  readonly drainMillis?: number
  /** How often upstreams are asked for one client request, and what is known of their health. @defaultValue 3 tries, no health, nothing held back */
  readonly attempts?: AttemptOptions
  /** Further routes that the gateway answers by itself, such as `usageRoute()`. @defaultValue none */
  readonly routes?: readonly LocalRoute[]
  /**
   * What requests are estimated by before they are sent: `promptEstimates()`, with its options where wanted.
   * @defaultValue what the first middleware or router brings along, as `budget()` and `policyRouter()` do; else by bytes alone
   */
  readonly estimates?: EstimateSource
}

export const defaultGatewayOptions: { readonly maxBodyBytes: number; readonly maxFrameBytes: number; readonly digest: DigestAlgorithm } = Object.freeze({
  maxBodyBytes: 64 * 1024 * 1024,
  maxFrameBytes: 256 * 1024,
  digest: 'crc32',
})

/** The side of a gateway that an adapter mounts. */
export interface MountableGateway {
  /**
   * Handles one request to its end. Never rejects; resolves after settlement and recording, with undefined for a route answered locally.
   * An adapter must keep its process (or worker) alive until then.
   */
  readonly handle: (request: ClientRequest, sink: ClientSink) => Promise<Settlement | undefined>
  /** Exchanges under way. */
  readonly underWay: number
  /**
   * Shuts down: readiness turns to 503, new exchanges are refused, those under way get `graceMillis` to finish and are then ended with an
   * `overloaded_error`. Resolves when all are settled and recorded. Idempotent.
   */
  readonly drain: (graceMillis: number) => Promise<void>
}

/**
 * A gateway: the table of contents of what happens to a request, top to bottom.
 *
 * ```ts
 * const gateway = createGateway({ runtime: nodeRuntime(), upstreams: [{ name: 'anthropic', baseUrl: 'https://api.anthropic.com', credential: swapCredential(key) }] })
 *   .use(authenticate(keys)) // who
 *   .use(attribute()) // which session, developer, repository
 *   .record(ledger) // what it cost
 * ```
 *
 * @typeParam Context - what the middleware so far has added
 */
export interface Gateway<Context extends object = object> extends MountableGateway {
  /** Adds a middleware, inside those before it. @throws ConfigurationError once the gateway has handled a request, or on a context key taken twice */
  readonly use: <Adds extends object>(middleware: Middleware<Context, Adds>) => Gateway<Context & Adds>
  /** Sets where exchanges go. @throws ConfigurationError on a second call */
  readonly route: (router: Router<Context>) => Gateway<Context>
  /**
   * Keeps every settled exchange in a ledger; where the ledger can, from before its first byte goes upstream. May be called for several.
   * In an outage of the ledger up to `journalEntries` wait in memory and are delivered when it is back.
   */
  readonly record: (ledger: Ledger, options?: RecordOptions) => Gateway<Context>
}

/**
 * Builds a gateway.
 *
 * @throws ConfigurationError naming the option, the value seen, and the fix
 */
export function createGateway(options: GatewayOptions): Gateway {
  return new GatewayBuilder(options) as unknown as Gateway
}

class GatewayBuilder {
  readonly #runner: ExchangeRunner
  readonly #upstreams: ReadonlyMap<string, Upstream>
  readonly #middleware: AnyMiddleware[] = []
  readonly #host: Host
  readonly #keyedHash: Runtime['keyedHash']
  #hasEstimates = false
  #router: Router | undefined
  #handler: Handler | undefined

  constructor(options: GatewayOptions) {
    const host = systemHost(options.host)
    this.#host = host
    this.#keyedHash = options.runtime.keyedHash
    this.#upstreams = indexUpstreams(options.upstreams, options.egressHosts)
    this.#runner = new ExchangeRunner({
      runtime: options.runtime,
      host,
      upstreams: this.#upstreams,
      pricing: options.pricing ?? pricing(),
      digests: digestsFor(options),
      maxBodyBytes: positiveWhole('maxBodyBytes', options.maxBodyBytes ?? defaultGatewayOptions.maxBodyBytes),
      maxFrameBytes: positiveWhole('maxFrameBytes', options.maxFrameBytes ?? defaultGatewayOptions.maxFrameBytes),
      drainMillis: options.drainMillis === undefined ? undefined : positiveWhole('drainMillis', options.drainMillis),
      routes: options.routes ?? [],
      most: positiveWhole('attempts.most', options.attempts?.most ?? defaultAttemptOptions.most),
      health: options.attempts?.health,
      firstContent: headHoldOf(options.attempts?.firstContent),
    })
    this.#estimateBy(options.estimates)
  }

  use = (middleware: AnyMiddleware): this => {
    this.#assertOpen('use')
    middleware.check?.({
      upstreams: [...this.#upstreams.values()].map(({ name, credential }) => ({ name, credentialMode: credential.mode })),
      ...(this.#keyedHash !== undefined && { keyedHash: this.#keyedHash }),
    })
    this.#estimateBy(middleware.estimates)
    this.#middleware.push(middleware)
    compose(this.#middleware, () => Promise.reject(new Error('unreachable')))
    return this
  }

  route = (router: Router): this => {
    this.#assertOpen('route')
    if (this.#router !== undefined) throw new ConfigurationError('route', 'was called twice. One router chooses the target; combine them into one.')
    this.#estimateBy(router.estimates)
    this.#router = router
    return this
  }

  record = (ledger: Ledger, options?: RecordOptions): this => {
    this.#assertOpen('record')
    this.#runner.addRecorder(recordInto(ledger, this.#host, options))
    return this
  }

  handle = (request: ClientRequest, sink: ClientSink): Promise<Settlement | undefined> => {
    this.#handler ??= compose(this.#middleware, this.#runner.innermost(this.#router ?? toUpstream([...this.#upstreams.keys()][0] as string)))
    return this.#runner.run(request, sink, this.#handler)
  }

  get underWay(): number {
    return this.#runner.underWay
  }

  drain = (graceMillis: number): Promise<void> => this.#runner.drain(graceMillis)

  /** The first source that is named stays: whoever else asks is told the same. */
  #estimateBy(source: EstimateSource | undefined): void {
    if (source === undefined || this.#hasEstimates) return
    if (typeof source !== 'function') throw new ConfigurationError('estimates', 'is no source of estimates. Pass promptEstimates({ … }).')
    this.#runner.estimateBy(source)
    this.#hasEstimates = true
  }

  #assertOpen(call: string): void {
    if (this.#handler !== undefined) throw new ConfigurationError(call, 'was called after the gateway had handled a request. Build it first, then mount it.')
  }
}

function indexUpstreams(upstreams: readonly UpstreamOptions[], egressHosts: readonly string[] | undefined): ReadonlyMap<string, Upstream> {
  if (upstreams.length === 0)
    throw new ConfigurationError('upstreams', 'is empty. Name at least one, such as { name: "anthropic", baseUrl: "https://api.anthropic.com", … }.')
  const byName = new Map<string, Upstream>()
  for (const [index, options] of upstreams.entries()) {
    const upstream = checkUpstream(options, `upstreams[${index}]`)
    if (byName.has(upstream.name))
      throw new ConfigurationError(`upstreams[${index}].name`, `"${upstream.name}" is used twice. Names tell upstreams apart in records.`)
    if (egressHosts !== undefined && !egressHosts.some((pattern) => isHostOf(pattern, upstream.hostname)))
      throw new ConfigurationError(
        `upstreams[${index}].baseUrl`,
        `"${upstream.hostname}" is not among egressHosts (${egressHosts.join(', ')}). Add it if it is meant.`,
      )
    byName.set(upstream.name, upstream)
  }
  return byName
}

function isHostOf(pattern: string, hostname: string): boolean {
  return pattern.startsWith('*.') ? hostname.endsWith(pattern.slice(1)) : hostname === pattern
}

function digestsFor({ runtime, digest = defaultGatewayOptions.digest }: GatewayOptions): DigestFactory {
  const native = runtime.digests?.[digest]
  if (native !== undefined) return native
  if (digest === 'crc32') return checksumDigests()
  if (digest === 'none') return noDigests
  throw new ConfigurationError('digest', `"${digest}" is not offered by this runtime adapter. Pass one in runtime.digests, or use "crc32".`)
}

function headHoldOf(given: HeadHold | undefined): HeadHold | undefined {
  if (given !== undefined && typeof given.hold !== 'function') throw new ConfigurationError('attempts.firstContent', 'holds no heads. Pass headHold({ … }).')
  return given
}
