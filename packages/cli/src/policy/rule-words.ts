import type { CompiledPolicy, PolicyAction, PolicyRule, PolicyTarget } from '@sluice/core/policy'
import { parseRuleText } from '@sluice/core/policy'

/** A rule in its long form. Rules of a compiled policy can be read. */
export function longForm(rule: string | PolicyRule): PolicyRule {
  return typeof rule === 'string' ? parseRuleText(rule) : rule
}

/** What a rule does, in words. */
export function actionText(action: PolicyAction): string {
  if ('keep' in action) return 'keep it as it came'
  if ('deny' in action) return `refuse it: "${action.deny}"`
  if ('target' in action) return `send it to ${targetText(action.target)}`
  if ('downgrade' in action) return `send it to the first that is cheaper of ${action.downgrade.map(targetText).join(', ')}`
  return `spread sessions over ${action.targets.map((target) => `${targetText(target)} (${target.weight})`).join(', ')}`
}

/** A target, in words. */
export function targetText({ model, upstream }: PolicyTarget): string {
  if (model === undefined) return `upstream ${upstream ?? 'default'}`
  return upstream === undefined ? model : `${model} at ${upstream}`
}

/** A rule on one line: its short form as it stands, else its conditions and what it does. */
export function ruleText(rule: string | PolicyRule): string {
  if (typeof rule === 'string') return rule
  const { when = {} } = rule
  const conditions = Object.entries(when).map(([name, value]) => `${name} ${JSON.stringify(value)}`)
  return [
    conditions.length === 0 ? 'always' : `when ${conditions.join(' and ')}`,
    actionText(rule.do),
    ...(rule.else === undefined ? [] : [`else ${actionText(rule.else)}`]),
    ...(rule.shadow === true ? ['(only watches)'] : []),
  ].join(', ')
}

/** Models that a policy sends to, each once. */
export function modelsOf({ policy }: CompiledPolicy): readonly string[] {
  const targets = policy.rules.map(longForm).flatMap((rule) => [rule.do, rule.else].flatMap((action) => targetsOf(action)))
  return [...new Set(targets.flatMap(({ model }) => model ?? []))]
}

/** The targets that an action names. */
export function targetsOf(action: PolicyAction | undefined): readonly PolicyTarget[] {
  if (action === undefined) return []
  if ('target' in action) return [action.target]
  if ('targets' in action) return action.targets
  return 'downgrade' in action ? action.downgrade : []
}
