import type { Fault } from '../src/errors.ts'
import { createGateway, type Gateway } from '../src/gateway.ts'
import type { Settlement } from '../src/entry/settlement.ts'
import { attribute } from '../src/middleware/attribute.ts'
import { authenticate, staticKeys } from '../src/middleware/authenticate.ts'
import type { Middleware } from '../src/middleware/middleware.ts'
import { rateLimit, type RateLimitOptions } from '../src/middleware/rate-limit.ts'
import type { RateBook, RateLimit } from '../src/ports/rate-book.ts'
import { RateTable } from '../src/rates/rate-table.ts'
import { swapCredential } from '../src/route/upstream-credential.ts'
import { clientRequest, type TestClientRequest } from '../src/testing/client-request.ts'
import { collectingSink, type CollectingSink } from '../src/testing/collecting-sink.ts'
import { manualClock, type ManualClock } from '../src/testing/manual-clock.ts'
import { scriptedTransport, type ScriptedTransport } from '../src/testing/scripted-transport.ts'
import { headerValue } from '../src/wire/header-list.ts'
import { eventStream, messagesBody, replyFrames } from './gateway-bench.ts'

/** A rate book over a table, with parts to be replaced. Counts what it is asked. */
export interface TestRateBook extends RateBook {
  readonly table: RateTable
  readonly kept: RateLimit[]
  readonly asked: string[]
  /** Set: every call fails with it; `hang`: no call answers. */
  outage: unknown
}

export function testRateBook(kept: RateLimit[] = []): TestRateBook {
  const table = new RateTable()
  const asked: string[] = []
  const book: TestRateBook = {
    table,
    kept,
    asked,
    outage: undefined,
    take: (claims, at) => answer('take', () => table.take(claims, at)),
    charge: (claims, at) => answer('charge', () => table.charge(claims, at)),
    enter: (claims, at) => answer('enter', () => table.enter(claims, at)),
    leave: (places) => answer('leave', () => table.leave(places)),
    prune: (before) => answer('prune', () => table.prune(before)),
    define: (limit) => answer('define', () => kept.push(limit) > 0),
    remove: () => Promise.resolve(false),
    limits: () => answer('limits', () => [...kept]),
  }
  async function answer<Value>(verb: string, make: () => Value): Promise<Value> {
    asked.push(verb)
    if (book.outage === 'hang') return new Promise<Value>(() => undefined)
    if (book.outage !== undefined) throw book.outage
    return make()
  }
  return book
}

export const keys = { ada: 'ada-key-0123456789', bob: 'bob-key-0123456789' } as const

/** One request, under way. */
export interface Sent {
  readonly request: TestClientRequest
  readonly sink: CollectingSink
  readonly settled: Promise<Settlement | undefined>
}

export interface SendParts {
  readonly key?: keyof typeof keys
  readonly session?: string
  readonly model?: string
  readonly target?: string
  /** Of several gateways, which. @defaultValue 0 */
  readonly instance?: number
}

export interface RateBench {
  readonly clock: ManualClock
  readonly faults: Fault[]
  readonly upstream: ScriptedTransport
  readonly gateways: readonly Gateway[]
  /** Requests that have reached the upstream, by their session, in order. */
  readonly reached: readonly string[]
  readonly start: (parts?: SendParts) => Sent
  /** Sends and waits for the end. */
  readonly send: (parts?: SendParts) => Promise<CollectingSink>
  /** Ends the oldest reply that is held open. */
  readonly finish: () => Promise<void>
}

export interface RateBenchOptions extends Partial<RateLimitOptions> {
  readonly clock?: ManualClock
  readonly instances?: number
  /** Replies stay open until `finish`. @defaultValue false */
  readonly isHeld?: boolean
  readonly frames?: readonly string[]
  /** Of the upstream's replies. @defaultValue 200 */
  readonly status?: number
  /** Stands behind the limits. */
  readonly behind?: Middleware
}

const passing: Middleware = { name: 'passing', handle: (_exchange, next) => next({}) }
const settle = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 0))

/** Gateways with keys, attribution and rate limits, on a scripted upstream and a manual clock. */
export function rateBench({
  clock = manualClock(),
  instances = 1,
  isHeld = false,
  frames = replyFrames,
  status = 200,
  behind = passing,
  ...options
}: RateBenchOptions): RateBench {
  const faults: Fault[] = []
  const open: (() => void)[] = []
  const reached: string[] = []
  const upstream = scriptedTransport((request) => {
    reached.push(headerValue(request.headers, 'x-claude-code-session-id') ?? '')
    if (status !== 200)
      return { status, headers: [['content-type', 'application/json']], body: ['{"type":"error","error":{"type":"api_error","message":"no"}}'] }
    const held = (): Promise<void> => new Promise((resolve) => void open.push(resolve))
    return { headers: eventStream, body: isHeld ? [frames[0] as string, held, ...frames.slice(1)] : frames }
  })
  const ring = staticKeys(Object.entries(keys).map(([developer, secret]) => ({ developer, secret })))
  const onFault = (fault: Fault): void => void faults.push(fault)
  const upstreams = [{ name: 'scripted', baseUrl: 'https://upstream.test', credential: swapCredential('sk-ant-test'), deadlines: { idleMillis: 10_000_000 } }]
  const gateways = Array.from({ length: instances }, (_, instance) => {
    let ids = 0
    const newId = (): string => `ex_${instance}_${(ids += 1)}`
    return createGateway({ runtime: { transport: upstream }, upstreams, host: { clock, onFault, newId } })
      .use(authenticate(ring))
      .use(attribute({ clock, isRepositoryLabelStored: false }))
      .use(rateLimit({ clock, onFault, random: () => 1, ...options }))
      .use(behind)
  })
  const start = ({ key = 'ada', session, model = messagesBody.model, target, instance = 0 }: SendParts = {}): Sent => {
    const headers: [string, string][] = [['x-api-key', keys[key]]]
    if (session !== undefined) headers.push(['x-claude-code-session-id', session])
    const request = clientRequest({ headers, json: { ...messagesBody, model }, ...(target !== undefined && { target }) })
    const sink = collectingSink()
    return { request, sink, settled: (gateways[instance] as Gateway).handle(request, sink) }
  }
  return {
    clock,
    faults,
    upstream,
    gateways,
    reached,
    start,
    send: async (parts) => {
      const { sink, settled } = start(parts)
      await settled
      return sink
    },
    finish: async () => {
      open.shift()?.()
      await settle()
    },
  }
}

/** What an answer says of a limit. */
export function refusalOf(sink: CollectingSink): {
  readonly status: number | undefined
  readonly code: string | undefined
  readonly retryAfter: string | undefined
  readonly shouldRetry: string | undefined
  readonly message: string | undefined
} {
  const { error } = (sink.text().startsWith('{') ? JSON.parse(sink.text()) : {}) as { readonly error?: { readonly message: string } }
  return {
    status: sink.status,
    code: headerValue(sink.headers, 'x-sluice-error-code'),
    retryAfter: headerValue(sink.headers, 'retry-after'),
    shouldRetry: headerValue(sink.headers, 'x-should-retry'),
    message: error?.message,
  }
}
