import type { LedgerEntry, RouteCandidate, RouteRecord, RouteVerdict, SwitchArithmetic } from '@sluice/core'
import { toUsdText } from '../plain.ts'

/**
 * Why an exchange went where it went, in sentences: what was asked for, which rule of which policy decided, what became of each target, what was reckoned, what was tried,
 * and what it was billed as. From the record of the exchange; it says nothing that is not in there.
 */
export function explainRoute(entry: LedgerEntry): readonly string[] {
  return [...routeSentences(entry), ...attemptSentences(entry), ...modelSentences(entry)]
}

function routeSentences({ route, requestedModel }: LedgerEntry): readonly string[] {
  if (route === undefined) return [`No policy routed it: it went as it came${requestedModel === undefined ? '' : `, for ${requestedModel}`}.`]
  const found = [ruleSentence(route)]
  for (const candidate of route.candidates) found.push(candidateSentence(candidate))
  if (route.arithmetic !== undefined) found.push(...arithmeticSentences(route.arithmetic))
  if (route.isSticky) found.push('Its session was assigned before, and stays where it is.')
  for (const note of route.notes) found.push(sentence(note))
  const { shadow } = route
  if (shadow !== undefined) {
    const where = shadow.target === undefined ? `refused it (${shadow.why ?? 'no reason'})` : `sent it to ${placeOf(shadow.target)}`
    found.push(`The rule "${shadow.rule}" only watches: it would have ${where}.`)
  }
  return found
}

function ruleSentence({ policyVersion, rule, action, target }: RouteRecord): string {
  const policy = `policy ${policyVersion}`
  if (rule === undefined) return `No rule of ${policy} matched: it was left as it came.`
  const did = {
    target: 'named a target',
    targets: 'spreads sessions over several targets',
    downgrade: 'looked for a cheaper model',
    keep: 'left it as it came',
    deny: 'refused it',
    none: 'did nothing',
  }[action]
  return `The rule "${rule}" of ${policy} matched and ${did}${action === 'deny' ? '' : `; it was to go to ${placeOf(target)}`}.`
}

function placeOf({ model, upstream }: { readonly model?: string; readonly upstream: string }): string {
  return model === undefined ? upstream : `${model} at ${upstream}`
}

const became: Readonly<Record<RouteVerdict, string>> = {
  chosen: 'was chosen',
  same: 'is where it was already',
  'not-accepted': 'could not take it',
  pinned: 'was not taken, as the session is pinned',
  'new-sessions': 'is only for sessions that begin, and this one was under way',
  'does-not-pay': 'was not taken, as the switch does not pay',
  'not-cheaper': 'is not cheaper than what was asked for',
  'passed-over': 'was passed over, since another one was taken',
}

function candidateSentence({ verdict, why, ...target }: RouteCandidate): string {
  return `${placeOf(target)} ${became[verdict]}${why === undefined ? '' : `: ${why}`}.`
}

function arithmeticSentences(sum: SwitchArithmetic): readonly string[] {
  const difference = sum.stayNanoUsd - sum.switchNanoUsd
  const outcome = difference >= 0n ? `saves $${toUsdText(difference)}` : `costs $${toUsdText(-difference)} more`
  return [
    `Reckoned over ${sum.remainingTurns} ${sum.remainingTurns === 1 ? 'turn' : 'turns'} by prices ${sum.priceVersion}: a prompt of ${sum.promptTokens} tokens, ${sum.warmTokens} of them in the cache of ${sum.from}, ${sum.growthTokens} more each turn, answers of ${sum.outputTokens}; ${sum.to} counts ${sum.tokensPerThousand} for a thousand.`,
    `Staying on ${sum.from} costs $${toUsdText(sum.stayNanoUsd)}, going to ${sum.to} costs $${toUsdText(sum.switchNanoUsd)}: the switch ${outcome}${difference > 0n && !sum.isWorthIt ? ', which is less than the twentieth that it must save' : ''}.`,
  ]
}

function attemptSentences({ attempts }: LedgerEntry): readonly string[] {
  if (attempts.length === 0) return ['Nothing was sent upstream.']
  return attempts.map(({ upstream, model, startedAt, headAt, status, failure }, at) => {
    const after = (headAt ?? startedAt) - startedAt
    const what = failure === undefined ? '' : `, and no reply to hand on (${failure})`
    const answer = status === undefined ? `no answer (${failure ?? 'not known why'})` : `${status} after ${after} ms${what}`
    return `Attempt ${at + 1}: ${placeOf({ upstream, ...(model !== undefined && { model }) })}, ${answer}.`
  })
}

function modelSentences({ requestedModel, resolvedModel, billedModel, cost }: LedgerEntry): readonly string[] {
  const shown = (model: string | undefined): string => model ?? 'no model'
  return [`Asked for ${shown(requestedModel)}, sent as ${shown(resolvedModel)}, billed as ${shown(billedModel)}: $${toUsdText(cost.nanoUsd)}.`]
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`
}
