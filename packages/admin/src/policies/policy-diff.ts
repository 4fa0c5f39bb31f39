import { canonicalJson } from '@sluice/core'
import type { Policy } from '@sluice/core/policy'

/** One difference between two policies. */
export interface PolicyChange {
  /** `rules[2]`, `rules "titles"`, `defaults.switch`: a rule without a name by its place, in the new policy where it is there. */
  readonly path: string
  readonly kind: 'added' | 'removed' | 'changed' | 'moved'
  /** JSON; absent for what was added. */
  readonly before?: unknown
  /** JSON; absent for what was removed. */
  readonly after?: unknown
}

type Rule = Policy['rules'][number]
type Placed = { readonly rule: Rule; readonly at: number; readonly text: string }

/**
 * What differs between two policies, in the order of the documents: rules by what they are, and not by their place, so that a rule put in front does not make all others
 * look new. Equal policies have no differences, and policies without differences are equal.
 */
export function policyDiff(before: Policy, after: Policy): readonly PolicyChange[] {
  return [...fieldChanges('', withoutRules(before), withoutRules(after)), ...ruleChanges(before.rules, after.rules)]
}

function withoutRules({ rules: _rules, ...rest }: Policy): Readonly<Record<string, unknown>> {
  return rest
}

function fieldChanges(path: string, before: Readonly<Record<string, unknown>>, after: Readonly<Record<string, unknown>>): readonly PolicyChange[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted().flatMap((name): readonly PolicyChange[] => {
    const place = path === '' ? name : `${path}.${name}`
    const [old, new_] = [ownOf(before, name), ownOf(after, name)]
    if (old === undefined && new_ === undefined) return []
    if (old === undefined) return [{ path: place, kind: 'added', after: new_ }]
    if (new_ === undefined) return [{ path: place, kind: 'removed', before: old }]
    if (canonicalJson(old) === canonicalJson(new_)) return []
    return isRecord(old) && isRecord(new_) ? fieldChanges(place, old, new_) : [{ path: place, kind: 'changed', before: old, after: new_ }]
  })
}

function ownOf(record: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(record, name) ? record[name] : undefined
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function ruleChanges(before: readonly Rule[], after: readonly Rule[]): readonly PolicyChange[] {
  const [old, new_] = [placed(before), placed(after)]
  const kept = inCommon(old, new_)
  const removed = new Set(old.filter((rule) => !kept.old.has(rule)))
  const changes: (PolicyChange & { readonly at: number })[] = []
  for (const added of new_) {
    if (kept.new.has(added)) continue
    const path = pathOf(added)
    const found =
      first(removed, ({ text }) => text === added.text) ?? first(removed, ({ rule }) => nameOf(rule) !== undefined && nameOf(rule) === nameOf(added.rule))
    if (found !== undefined) removed.delete(found)
    const kind = found === undefined ? 'added' : found.text === added.text ? 'moved' : 'changed'
    changes.push({ path, kind, at: added.at, ...(found !== undefined && { before: found.rule }), after: added.rule })
  }
  for (const gone of removed) changes.push({ path: pathOf(gone), kind: 'removed', at: gone.at, before: gone.rule })
  // Of one place, what is gone before what has come.
  return changes
    .toSorted((left, right) => left.at - right.at || Number(right.kind === 'removed') - Number(left.kind === 'removed'))
    .map(({ at: _at, ...change }) => change)
}

function placed(rules: readonly Rule[]): readonly Placed[] {
  return rules.map((rule, at) => ({ rule, at, text: canonicalJson(rule) }))
}

function pathOf({ rule, at }: Placed): string {
  const name = nameOf(rule)
  return name === undefined ? `rules[${at}]` : `rules "${name}"`
}

function nameOf(rule: Rule): string | undefined {
  return typeof rule === 'string' ? undefined : rule.name
}

function first<Value>(values: Iterable<Value>, holds: (value: Value) => boolean): Value | undefined {
  for (const value of values) if (holds(value)) return value
  return undefined
}

/** The rules that stand in both in the same order: a longest common subsequence. A document has at most a thousand rules. */
function inCommon(old: readonly Placed[], new_: readonly Placed[]): { readonly old: ReadonlySet<Placed>; readonly new: ReadonlySet<Placed> } {
  const width = new_.length + 1
  const lengths = new Uint16Array((old.length + 1) * width)
  const lengthAt = (row: number, column: number): number => lengths[row * width + column] ?? 0
  for (let row = old.length - 1; row >= 0; row -= 1)
    for (let column = new_.length - 1; column >= 0; column -= 1)
      lengths[row * width + column] =
        old[row]?.text === new_[column]?.text ? lengthAt(row + 1, column + 1) + 1 : Math.max(lengthAt(row + 1, column), lengthAt(row, column + 1))
  const found = { old: new Set<Placed>(), new: new Set<Placed>() }
  let [row, column] = [0, 0]
  for (;;) {
    const [left, right] = [old[row], new_[column]]
    if (left === undefined || right === undefined) return found
    if (left.text === right.text) {
      found.old.add(left)
      found.new.add(right)
      row += 1
      column += 1
    } else if (lengthAt(row + 1, column) >= lengthAt(row, column + 1)) row += 1
    else column += 1
  }
}
