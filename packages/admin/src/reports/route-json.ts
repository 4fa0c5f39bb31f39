import type { RouteRecord, RouteVerdict, SwitchArithmetic } from '@sluice/core'
import { z } from 'zod'

/** What staying and switching cost, as JSON carries it: money is text, in nano-USD. */
export interface SwitchArithmeticJson extends Omit<SwitchArithmetic, 'stayNanoUsd' | 'switchNanoUsd'> {
  readonly stayNanoUsd: string
  readonly switchNanoUsd: string
}

/** Why an exchange went where it went, as JSON carries it. */
export interface RouteJson {
  readonly policyVersion: string
  /** Name or place of the rule; null where none matched. */
  readonly rule: string | null
  readonly action: RouteRecord['action']
  readonly requestedModel: string | null
  readonly target: { readonly upstream: string; readonly model: string | null }
  readonly candidates: readonly { readonly upstream: string; readonly model: string | null; readonly verdict: RouteVerdict; readonly why: string | null }[]
  readonly arithmetic: SwitchArithmeticJson | null
  readonly isSticky: boolean
  readonly notes: readonly string[]
  readonly shadow: {
    readonly rule: string
    readonly action: RouteRecord['action']
    readonly target: { readonly upstream: string; readonly model: string | null } | null
    readonly why: string | null
  } | null
}

/** A route record as plain JSON. */
export function toRouteJson(route: RouteRecord): RouteJson {
  const { arithmetic, shadow } = route
  return {
    policyVersion: route.policyVersion,
    rule: route.rule ?? null,
    action: route.action,
    requestedModel: route.requestedModel ?? null,
    target: { upstream: route.target.upstream, model: route.target.model ?? null },
    candidates: route.candidates.map(({ upstream, model, verdict, why }) => ({ upstream, model: model ?? null, verdict, why: why ?? null })),
    arithmetic:
      arithmetic === undefined ? null : { ...arithmetic, stayNanoUsd: arithmetic.stayNanoUsd.toString(), switchNanoUsd: arithmetic.switchNanoUsd.toString() },
    isSticky: route.isSticky,
    notes: route.notes,
    shadow:
      shadow === undefined
        ? null
        : {
            rule: shadow.rule,
            action: shadow.action,
            target: shadow.target === undefined ? null : { upstream: shadow.target.upstream, model: shadow.target.model ?? null },
            why: shadow.why ?? null,
          },
  }
}

const action = z.enum(['target', 'targets', 'downgrade', 'keep', 'deny', 'none'])
const target = z.strictObject({ upstream: z.string(), model: z.string().nullable() })
const count = z.number()

/** The schema of {@link RouteJson}; null where no policy was asked. */
export const routeAnswer: z.ZodType = z
  .strictObject({
    policyVersion: z.string(),
    rule: z.string().nullable(),
    action,
    requestedModel: z.string().nullable(),
    target,
    candidates: z.array(
      z.strictObject({
        upstream: z.string(),
        model: z.string().nullable(),
        verdict: z.enum(['chosen', 'same', 'not-accepted', 'pinned', 'new-sessions', 'does-not-pay', 'not-cheaper', 'passed-over']),
        why: z.string().nullable(),
      }),
    ),
    arithmetic: z
      .strictObject({
        from: z.string(),
        to: z.string(),
        promptTokens: count,
        warmTokens: count,
        outputTokens: count,
        growthTokens: count,
        remainingTurns: count,
        tokensPerThousand: count,
        stayNanoUsd: z.string().regex(/^\d+$/),
        switchNanoUsd: z.string().regex(/^\d+$/),
        isWorthIt: z.boolean(),
        priceVersion: z.string(),
      })
      .nullable(),
    isSticky: z.boolean(),
    notes: z.array(z.string()),
    shadow: z.strictObject({ rule: z.string(), action, target: target.nullable(), why: z.string().nullable() }).nullable(),
  })
  .nullable()
  .meta({ description: 'Why it went where it went; null where no policy routed it.' })
