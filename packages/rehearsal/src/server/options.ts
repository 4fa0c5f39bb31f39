import type { RandomSource } from '../wire/ids.ts'
import type { RehearsalCall } from './call.ts'

/** Settings of a rehearsal; every one has a default, see {@link REHEARSAL_DEFAULTS}. */
export interface RehearsalOptions {
  /** @defaultValue `0`: any free port */
  readonly port?: number
  /** @defaultValue `'127.0.0.1'` */
  readonly host?: string
  /** Multiplies every scripted delay; 0 removes them. @defaultValue `1` */
  readonly pace?: number
  /** The only credential accepted, as `x-api-key` or bearer; everything else is answered 401. Unset accepts all. */
  readonly requireKey?: string
  /** What answers when neither header nor prompt names a scenario; may carry options: `text; words=9`. @defaultValue `'assistant'` */
  readonly defaultScenario?: string
  /** Where ids, signatures and chunk sizes come from. @defaultValue `Math.random` */
  readonly random?: RandomSource
  /** Milliseconds since 1970, for cache expiry, dates and records. @defaultValue `Date.now` */
  readonly now?: () => number
  /** How many tokens a prefix needs before it is cached, as the API's minimum per model. @defaultValue `1024` */
  readonly cacheMinimumTokens?: number
  /** How many calls are kept, oldest dropped first; 0 also drops bodies and answers, for load runs. @defaultValue `Infinity` */
  readonly keepCalls?: number
  /** Told of each request once its body has been read. */
  readonly onCall?: (call: RehearsalCall) => void
  /** Told of each call once its answer has ended. */
  readonly onSettled?: (call: RehearsalCall) => void
}

/** Defaults of {@link RehearsalOptions}. */
export const REHEARSAL_DEFAULTS: Readonly<{
  port: number
  host: string
  pace: number
  defaultScenario: string
  random: RandomSource
  now: () => number
  cacheMinimumTokens: number
  keepCalls: number
}> = Object.freeze({
  port: 0,
  host: '127.0.0.1',
  pace: 1,
  defaultScenario: 'assistant',
  random: Math.random,
  now: Date.now,
  cacheMinimumTokens: 1024,
  keepCalls: Number.POSITIVE_INFINITY,
})
