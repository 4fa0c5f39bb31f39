import type { Settlement } from '../src/entry/settlement.ts'
import type { Fault } from '../src/errors.ts'
import { createGateway, type GatewayOptions } from '../src/gateway.ts'
import type { Principal } from '../src/ports/key-ring.ts'
import { TransportError } from '../src/ports/runtime.ts'
import type { Plan, Router } from '../src/route/router.ts'
import { swapCredential } from '../src/route/upstream-credential.ts'
import type { UpstreamOptions } from '../src/route/upstream.ts'
import { clientRequest, type TestClientRequest } from '../src/testing/client-request.ts'
import { collectingSink, type CollectingSink } from '../src/testing/collecting-sink.ts'
import { manualClock, type ManualClock } from '../src/testing/manual-clock.ts'
import { scriptedTransport, type ScriptedReply, type ScriptedTransport } from '../src/testing/scripted-transport.ts'
import { eventStream, messagesBody, replyFrames } from './gateway-bench.ts'

/** What an upstream of a {@link fleet} does. */
export type Behaviour = 'ok' | 'connect' | 'sent' | 'stale' | 'silent' | number

/** An error as an upstream words it, with headers that must come through. */
export const errorBody = (name: string, status: number): string => `{"type":"error",  "error":{"type":"e${status}","message":"of ${name}"}}`

export function replyOf(name: string, behaviour: Behaviour): ScriptedReply {
  if (behaviour === 'ok') return { headers: eventStream, body: replyFrames }
  if (behaviour === 'silent') return { hang: 'before-head' }
  if (typeof behaviour === 'number') {
    const headers = [
      ['content-type', 'application/json'],
      ['request-id', `req_${name}`],
      ['x-odd-header', 'kept'],
      ['retry-after', '7'],
    ] as const
    return { status: behaviour, headers, body: [errorBody(name, behaviour)] }
  }
  return { failWith: new TransportError(behaviour === 'stale' ? 'stale-connection' : behaviour, behaviour) }
}

/** A gateway before several upstreams, `a.test` and so on, on a manual clock. */
export interface Fleet {
  readonly clock: ManualClock
  readonly transport: ScriptedTransport
  readonly faults: readonly Fault[]
  /** Names of the upstreams that were asked, in order. */
  readonly asked: () => readonly string[]
  readonly start: (json?: object) => { readonly request: TestClientRequest; readonly sink: CollectingSink; readonly settled: Promise<Settlement | undefined> }
  /** Sends one request, lets so much time pass, and waits for its end. */
  readonly send: (passMillis?: number) => Promise<{ readonly settlement: Settlement; readonly sink: CollectingSink }>
}

/** What a {@link fleet} is made of besides its upstreams' behaviour. */
export interface FleetOptions extends Partial<Pick<GatewayOptions, 'attempts' | 'pricing'>> {
  /** @defaultValue every upstream, in order, each with a second for its head */
  readonly plan?: Plan | Router
  readonly principal?: Principal
  readonly upstream?: Readonly<Record<string, Partial<UpstreamOptions>>>
  readonly clock?: ManualClock
}

export function fleet(behaviours: Record<string, Behaviour | (() => Behaviour | ScriptedReply)>, options: FleetOptions = {}): Fleet {
  const names = Object.keys(behaviours)
  const clock = options.clock ?? manualClock()
  const faults: Fault[] = []
  const nameIn = (origin: string): string => origin.slice('https://'.length, -'.test'.length)
  const transport = scriptedTransport(({ origin }) => {
    const name = nameIn(origin)
    const behaviour = behaviours[name] ?? 'connect'
    const now = typeof behaviour === 'function' ? behaviour() : behaviour
    return typeof now === 'object' ? now : replyOf(name, now)
  })
  let ids = 0
  const plan = options.plan ?? ({ targets: names.map((upstream) => ({ upstream, headMillis: 1_000 })) } as unknown as Plan)
  const { attempts, pricing, principal, upstream = {} } = options
  const gateway = createGateway({
    runtime: { transport },
    upstreams: names.map((name) => ({ name, baseUrl: `https://${name}.test`, credential: swapCredential(`sk-${name}`), ...upstream[name] })),
    host: { clock, newId: () => `ex_${(ids += 1)}`, onFault: (fault) => void faults.push(fault) },
    ...(attempts !== undefined && { attempts }),
    ...(pricing !== undefined && { pricing }),
  })
    .use({ name: 'principal', handle: (_exchange, next) => next({ ...(principal !== undefined && { principal }) }) })
    .route(typeof plan === 'function' ? plan : () => plan)
  const start: Fleet['start'] = (json = messagesBody) => {
    const request = clientRequest({ json })
    const sink = collectingSink()
    return { request, sink, settled: gateway.handle(request, sink) }
  }
  return {
    clock,
    transport,
    faults,
    asked: () => transport.calls.map(({ request }) => nameIn(request.origin)),
    start,
    send: async (passMillis = 0) => {
      const { sink, settled } = start()
      await clock.advanceAsync(passMillis)
      const settlement = await settled
      if (settlement === undefined) throw new Error('the route was answered locally')
      return { settlement, sink }
    },
  }
}
