import { isWithin, type Budget } from '@sluice/core'

/** Somebody who might spend, as far as it is known. What is undefined is open. */
export interface Spender {
  readonly key?: string
  readonly scope?: string
  readonly developer?: string
  /** Tags of the key, which win over those of the client. */
  readonly keyTags: Readonly<Record<string, string>>
  /** Tags that the client is asked about, `repository` and `session` among them. */
  readonly tags: Readonly<Record<string, string>>
  readonly model?: string
  /** Budgets that the key names itself. */
  readonly budgets: readonly string[]
}

/** Whether a budget counts what somebody spends. `depends`: on something that was not said; `because` tells on what. */
export interface Effect {
  readonly applies: 'yes' | 'no' | 'depends'
  /** Sentences, one per part of the budget's subject. */
  readonly because: readonly string[]
}

/** Tells whether a budget counts what a spender spends, and why. Pure. */
export function effectOf({ id, subject }: Pick<Budget, 'id' | 'subject'>, spender: Spender): Effect {
  if (spender.budgets.includes(id)) return { applies: 'yes', because: [`the key ${spender.key ?? ''} names it`] }
  const parts: Effect[] = []
  const add = (isSo: boolean | undefined, yes: string, depends: string): void =>
    void parts.push(isSo === undefined ? { applies: 'depends', because: [depends] } : { applies: isSo ? 'yes' : 'no', because: isSo ? [yes] : [] })
  if (subject.scope !== undefined)
    add(
      spender.scope === undefined ? undefined : isWithin(spender.scope, subject.scope),
      spender.scope === subject.scope ? `it is set on the scope ${subject.scope}` : `the scope ${subject.scope} is above ${spender.scope ?? ''}`,
      `only for spend within the scope ${subject.scope}`,
    )
  if (subject.key !== undefined)
    add(spender.key === undefined ? undefined : spender.key === subject.key, `it is set on the key ${subject.key}`, `only for spend of the key ${subject.key}`)
  if (subject.tag !== undefined) {
    const { name, value } = subject.tag
    const seen = valueOf(spender, name)
    add(seen === undefined ? undefined : seen === value, `${name} is ${value}`, `only where ${name} is ${value}`)
  }
  if (subject.model !== undefined)
    add(spender.model === undefined ? undefined : isModel(spender.model, subject.model), `the model is ${subject.model}`, `only for the model ${subject.model}`)
  if (parts.some(({ applies }) => applies === 'no')) return { applies: 'no', because: [] }
  return { applies: parts.some(({ applies }) => applies === 'depends') ? 'depends' : 'yes', because: parts.flatMap(({ because }) => because) }
}

/** The strongest of several effects: of one budget on the keys of one developer. */
export function strongest(effects: readonly Effect[]): Effect {
  for (const applies of ['yes', 'depends'] as const) {
    const found = effects.find((effect) => effect.applies === applies)
    if (found !== undefined) return found
  }
  return { applies: 'no', because: [] }
}

function valueOf({ keyTags, tags }: Spender, name: string): string | undefined {
  // What an exchange is attributed to stands above tags of the same name; a key's repository is what it is attributed to.
  if (name === 'session') return own(tags, name)
  return own(keyTags, name) ?? own(tags, name)
}

function own(record: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined
}

function isModel(model: string, pattern: string): boolean {
  return pattern.endsWith('*') ? model.startsWith(pattern.slice(0, -1)) : model === pattern
}
