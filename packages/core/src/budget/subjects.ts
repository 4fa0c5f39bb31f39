import type { Budget } from '../ports/budget-book.ts'

/** Whose an exchange's spend is: what budgets match on. */
export interface SpendFacts {
  /** Paths of the scopes that it belongs to, the organisation first. */
  readonly scopes: readonly string[]
  readonly keyId?: string
  readonly developer?: string
  readonly repository?: string
  readonly session?: string
  /** The model asked for. */
  readonly model?: string
  /** Nobody can tell which model is asked for, so it counts as every one. @defaultValue false */
  readonly isAnyModel?: boolean
  /** Tags of the key, else of the client. */
  readonly tags: Readonly<Record<string, string>>
  /** Ids of budgets that the key is bound to: its spend counts against them, whatever their subject. */
  readonly budgets?: readonly string[]
}

/** True where a budget counts this spend: its subject covers it in every part that it names, or the key is bound to it. */
export function isCovered(budget: Pick<Budget, 'id' | 'subject'>, facts: SpendFacts): boolean {
  if (facts.budgets?.includes(budget.id) === true) return true
  const { scope, key, tag, model } = budget.subject
  if (scope === undefined && key === undefined && tag === undefined && model === undefined) return false
  if (key !== undefined && key !== facts.keyId) return false
  if (tag !== undefined && tag.value !== tagOf(facts, tag.name)) return false
  if (model !== undefined && facts.isAnyModel !== true && (facts.model === undefined || !isModelOf(model, facts.model))) return false
  return scope === undefined || facts.scopes.some((path) => path === scope || path.startsWith(`${scope}/`))
}

/** `repository` and `session` are what the exchange was attributed to. */
function tagOf(facts: SpendFacts, name: string): string | undefined {
  if (name === 'repository') return facts.repository
  if (name === 'session') return facts.session
  return Object.hasOwn(facts.tags, name) ? facts.tags[name] : undefined
}

function isModelOf(pattern: string, model: string): boolean {
  return pattern.endsWith('*') ? model.startsWith(pattern.slice(0, -1)) : pattern === model
}

/** Finds the budgets that count an exchange's spend. */
export interface BudgetIndex {
  /** In the order that the budgets were given in. */
  readonly covering: (facts: SpendFacts) => readonly Budget[]
}

/**
 * Budgets, filed under the narrowest part of their subject: finding those of an exchange takes as long as it has scopes and tags, not as long as there are budgets.
 * Built anew when budgets change.
 */
export function budgetIndex(budgets: readonly Budget[]): BudgetIndex {
  const byId = new Map<string, number>()
  const filed = new Map<string, number[]>()
  const prefixLengths = new Set<number>()
  for (const [index, budget] of budgets.entries()) {
    byId.set(budget.id, index)
    const drawer = drawerOf(budget)
    if (drawer === undefined) continue
    if (drawer.startsWith('prefix ')) prefixLengths.add(drawer.length - 'prefix '.length)
    const known = filed.get(drawer)
    if (known === undefined) filed.set(drawer, [index])
    else known.push(index)
  }
  return {
    covering: (facts) => {
      if (facts.isAnyModel === true) return budgets.filter((budget) => isCovered(budget, facts))
      const found = new Set<number>()
      for (const drawer of drawersOf(facts, prefixLengths))
        for (const index of filed.get(drawer) ?? []) if (isCovered(budgets[index] as Budget, facts)) found.add(index)
      for (const id of facts.budgets ?? []) {
        const index = byId.get(id)
        if (index !== undefined) found.add(index)
      }
      return [...found].toSorted((left, right) => left - right).map((index) => budgets[index] as Budget)
    },
  }
}

/** Where a budget is filed. The first word tells the part of the subject, so that no two parts can be mistaken for each other. */
function drawerOf({ subject: { key, tag, scope, model } }: Budget): string | undefined {
  if (key !== undefined) return `key ${key}`
  if (tag !== undefined) return tagDrawer(tag.name, tag.value)
  if (scope !== undefined) return `scope ${scope}`
  if (model === undefined) return undefined
  return model.endsWith('*') ? `prefix ${model.slice(0, -1)}` : `model ${model}`
}

function tagDrawer(name: string, value: string): string {
  return `tag ${name.length} ${name} ${value}`
}

/** The places where budgets of an exchange may be filed. */
function* drawersOf(facts: SpendFacts, prefixLengths: ReadonlySet<number>): Generator<string, void, undefined> {
  const { scopes, keyId, repository, session, model, tags } = facts
  if (keyId !== undefined) yield `key ${keyId}`
  if (repository !== undefined) yield tagDrawer('repository', repository)
  if (session !== undefined) yield tagDrawer('session', session)
  for (const [name, value] of Object.entries(tags)) yield tagDrawer(name, value)
  const paths = new Set<string>()
  for (const path of scopes) {
    for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) paths.add(path.slice(0, end))
  }
  for (const path of paths) yield `scope ${path}`
  if (model === undefined) return
  yield `model ${model}`
  for (const length of prefixLengths) if (length <= model.length) yield `prefix ${model.slice(0, length)}`
}
