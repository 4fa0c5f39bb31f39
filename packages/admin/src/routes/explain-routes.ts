import { z } from 'zod'
import { explainRoute } from '../policies/explain-route.ts'
import { notFound, shown } from '../refusal.ts'
import { exchangeAnswer, toExchangeJson, type ExchangeJson } from '../reports/exchange-json.ts'
import { isEntryWithin } from '../reports/within-scope.ts'
import { route, type Route } from '../route.ts'
import type { AdminParts } from '../stores.ts'
import { policyOf } from './policy-shelf-of.ts'

/** Why an exchange went where it went, as the API shows it. */
export interface ExplainJson {
  /** Sentences: the rule, what became of each target, what was reckoned, what was tried, what it was billed as. */
  readonly why: readonly string[]
  /** The rule as it stands in the policy of that time; null where none decided, or where it may not be shown: a policy is for tokens that no scope bounds. */
  readonly rule: unknown
  readonly exchange: ExchangeJson
}

/** Routes that explain what was decided. */
export function explainRoutes({ stores: { ledger, policies } }: AdminParts): readonly Route[] {
  const ruleOf = async (version: string, name: string | undefined): Promise<unknown> => {
    const document = name === undefined ? undefined : await policies?.version(version)
    if (document === undefined) return null
    const { rules } = policyOf(document)
    const place = /^rules\[(\d+)\]$/.exec(name ?? '')?.[1]
    return (place === undefined ? rules.find((rule) => typeof rule !== 'string' && rule.name === name) : rules[Number(place)]) ?? null
  }
  return [
    route({
      name: 'explain',
      method: 'GET',
      path: 'explain/{id}',
      about: 'Why an exchange went where it went: by its id, an upstream request id or a message id.',
      answer: z.strictObject({
        why: z.array(z.string()),
        rule: z
          .unknown()
          .meta({ description: 'The rule as it stands in the policy of that time; null where none decided, and for tokens that a scope bounds.' }),
        exchange: exchangeAnswer,
      }),
      handle: async ({ actor, id }): Promise<{ body: ExplainJson }> => {
        const [entry] = await ledger.exchanges({ id, limit: 1 })
        if (entry === undefined || !isEntryWithin(actor, entry)) throw notFound(`exchange "${shown(id)}"`)
        const { route: record } = entry
        const rule = record === undefined || actor.scope !== undefined ? null : await ruleOf(record.policyVersion, record.rule)
        return { body: { why: explainRoute(entry), rule, exchange: toExchangeJson(entry) } }
      },
    }),
  ]
}
