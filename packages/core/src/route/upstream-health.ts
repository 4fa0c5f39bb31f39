import { positiveWhole } from '../errors.ts'
import { systemClock, type Clock } from '../host.ts'
import { headerValue, type HeaderList } from '../wire/header-list.ts'
import { Circuit, type CircuitEnd, type CircuitLimits } from './circuit.ts'
import type { Plan, Target } from './router.ts'

/** Options of {@link upstreamHealth}. */
export interface UpstreamHealthOptions {
  /** Pass the host's, where it has its own. @defaultValue systemClock */
  readonly clock?: Clock
  /** Faults in a row, within `withinMillis`, that open a circuit. @defaultValue 5 */
  readonly faults?: number
  /** @defaultValue 30000 */
  readonly withinMillis?: number
  /** How long a circuit stays open before one try may probe it. @defaultValue 15000 */
  readonly openMillis?: number
  /** How long a busy upstream is spared that does not say for how long. @defaultValue 5000 */
  readonly busyMillis?: number
  /** The longest that is spared, whatever `retry-after` says. @defaultValue 60000 */
  readonly mostBusyMillis?: number
}

export const defaultUpstreamHealthOptions: CircuitLimits = Object.freeze({
  faults: 5,
  withinMillis: 30_000,
  openMillis: 15_000,
  busyMillis: 5_000,
  mostBusyMillis: 60_000,
})

/** What is known of one upstream and model. Plain data. Those of which nothing bad is known are not listed. */
export interface UpstreamHealthState {
  readonly upstream: string
  readonly model?: string
  readonly state: 'closed' | 'open' | 'half-open'
  /** Faults in a row that still count. */
  readonly faults: number
  /** When it may be probed; absent where it is closed. */
  readonly openUntil?: number
  /** Until when it is spared, as it said that it is busy. */
  readonly busyUntil?: number
  readonly isProbing: boolean
}

/** How a try ended. `replied`: with a head that stands; what it says is for the health to judge. */
export type TrialEnd = CircuitEnd | { readonly kind: 'replied'; readonly status: number; readonly headers: HeaderList }

/** A try under way. */
export interface Trial {
  /** Tells how it ended. Only the first call counts. */
  readonly end: (end: TrialEnd) => void
}

/** The health of upstreams, learned from the exchanges alone. Of one process. */
export interface UpstreamHealth {
  /** The plan with the targets last that should not be asked now: in their order, none left out. `model`: the one that a target without its own asks for. */
  readonly withHealth: (plan: Plan, model?: string) => Plan
  /** True where a target should not be asked while there is another: open, being probed, or busy. */
  readonly isAvoided: (upstream: string, model: string | undefined) => boolean
  /** A try begins. Whoever begins one ends it; of a circuit that is half-open the first is the probe, and until its end no other is. */
  readonly begin: (upstream: string, model: string | undefined) => Trial
  /** For an operator's eyes. */
  readonly snapshot: () => readonly UpstreamHealthState[]
}

/** A client may name any model; what is remembered of them is bounded. */
const mostCircuits = 1_000

interface Known {
  readonly upstream: string
  readonly model: string | undefined
  readonly circuit: Circuit
}

/**
 * Keeps a circuit for each upstream and model, fed by the gateway that it is given to (`attempts.health`).
 * It opens after so many faults in a row: unreachable, no head in time, 5xx. 429 and 529 are load: such a target is spared for a moment, for as long as it asks.
 * Errors of the client's own, clients that leave and replies that break off count for nothing.
 *
 * @throws ConfigurationError for a bound that is no positive whole number
 */
export function upstreamHealth(options: UpstreamHealthOptions = {}): UpstreamHealth {
  const clock = options.clock ?? systemClock
  const { clock: _clock, ...bounds } = options
  const limits: CircuitLimits = { ...defaultUpstreamHealthOptions, ...bounds }
  for (const [name, value] of Object.entries(limits)) positiveWhole(name, value)
  const known = new Map<string, Known>()
  const now = (): number => clock.now()
  const isAvoided = (upstream: string, model: string | undefined): boolean => known.get(keyOf(upstream, model))?.circuit.isAvoided(now()) ?? false
  return {
    isAvoided,
    withHealth: (plan, model) => {
      const isLast = (target: Target): boolean => isAvoided(target.upstream, target.model ?? model)
      const targets = [...plan.targets.filter((target) => !isLast(target)), ...plan.targets.filter(isLast)]
      return { ...plan, targets: targets as unknown as Plan['targets'] }
    },
    begin: (upstream, model) => {
      const key = keyOf(upstream, model)
      const circuit = known.get(key)?.circuit ?? new Circuit(limits)
      if (!known.has(key)) {
        const [oldest] = known.keys()
        if (oldest !== undefined && known.size >= mostCircuits) known.delete(oldest)
        known.set(key, { upstream, model, circuit })
      }
      const trial = circuit.begin(now(), now)
      return {
        end: (end) => {
          trial.end(end.kind === 'replied' ? judged(end.status, end.headers, now()) : end)
          if (circuit.underWay === 0 && circuit.isPlain(now()) && known.get(key)?.circuit === circuit) known.delete(key)
        },
      }
    },
    snapshot: () => [...known.values()].filter(({ circuit }) => !circuit.isPlain(now())).map((entry) => stateOf(entry, now())),
  }
}

/** What a reply's head says of its upstream's health. */
function judged(status: number, headers: HeaderList, now: number): CircuitEnd {
  if (status === 429 || status === 529) return { kind: 'load', retryAfterMillis: retryAfterMillis(headerValue(headers, 'retry-after'), now) }
  if (status < 400) return { kind: 'answered' }
  // 501 is about what was asked for, such as a token count.
  return { kind: status >= 500 && status !== 501 ? 'fault' : 'nothing' }
}

function retryAfterMillis(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined
  const millis = /^\s*\d+(?:\.\d+)?\s*$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - now
  return Number.isFinite(millis) && millis >= 0 ? millis : undefined
}

function stateOf({ upstream, model, circuit }: Known, now: number): UpstreamHealthState {
  const { openUntil, isProbing } = circuit
  const busyUntil = circuit.busyUntil(now)
  return {
    upstream,
    ...(model !== undefined && { model }),
    state: circuit.state(now),
    faults: circuit.faults(now),
    ...(openUntil !== undefined && { openUntil }),
    ...(busyUntil !== undefined && { busyUntil }),
    isProbing,
  }
}

function keyOf(upstream: string, model: string | undefined): string {
  return JSON.stringify([upstream, model ?? null])
}
