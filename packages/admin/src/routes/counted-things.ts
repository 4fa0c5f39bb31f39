import type { BudgetSubject } from '@sluice/core'
import { z } from 'zod'
import { withoutUndefined } from '../plain.ts'
import type { AdminActor } from '../power.ts'
import { conflict, LostRace, notFound, shown, untilFirst } from '../refusal.ts'
import type { Answer } from '../route.ts'
import type { AdminParts } from '../stores.ts'
import { limitOf, pageOf, type Paging } from './paging.ts'
import { matchesOfSubject, reachesSubject, warningSchema, type SubjectInput } from './subject.ts'

/** What counts a subject: a budget, a limit. Replaced as a whole, one version after the other. */
export interface Counted {
  readonly id: string
  readonly subject: BudgetSubject
  readonly version: number
}

/** Where things of one kind are kept. */
export interface CountedShelf<Thing extends Counted> {
  /** In messages, in the audit log, and as the name of one in an answer. */
  readonly noun: 'budget' | 'limit'
  /** All, in order of id. */
  readonly all: () => Promise<readonly Thing[]>
  /** False where another version came first. */
  readonly define: (thing: Thing) => Promise<boolean>
  /** False where there is none of this id. */
  readonly remove: (id: string) => Promise<boolean>
  readonly toJson: (thing: Thing) => object
}

/** What of a definition is the same in all. */
export interface DefinitionInput {
  readonly subject: SubjectInput
  readonly version?: number | undefined
  readonly reason?: string | undefined
}

/** What administrators do to things of one kind, within what each of them reaches: another one's thing is not there. */
export interface CountedThings<Thing extends Counted> {
  /** @throws Refusal 404 */
  readonly seen: (actor: AdminActor, id: string) => Promise<Thing>
  /** Sets one as a whole; `make` is told what it replaces. Tried again where others come first, unless `version` says what is to be replaced. @throws Refusal 404, 409 */
  readonly define: (actor: AdminActor, id: string, input: DefinitionInput, make: (before: Thing | undefined) => Thing) => Promise<Answer>
  /** Records and keeps a change of one. @throws LostRace, or Refusal where the audit log is out */
  readonly keep: (actor: AdminActor, action: string, before: Thing | undefined, after: Thing, reason: string | undefined) => Promise<void>
  readonly page: (actor: AdminActor, query: Paging) => Promise<{ readonly items: readonly object[]; readonly next: string | null }>
  /** @throws Refusal 404 */
  readonly remove: (actor: AdminActor, id: string, reason: string | undefined) => Promise<{ readonly body: { readonly removed: string } }>
}

/** The schema of what defining one answers, but for the thing itself. */
export const definedFields: { readonly isNew: z.ZodBoolean; readonly matches: z.ZodType; readonly warnings: z.ZodType } = {
  isNew: z.boolean(),
  matches: z.strictObject({ keys: z.number().nullable() }),
  warnings: z.array(warningSchema),
}

/** See {@link CountedThings}. */
export function countedThings<Thing extends Counted>(
  { noun, all, define, remove, toJson }: CountedShelf<Thing>,
  { stores, changes }: Pick<AdminParts, 'stores' | 'changes'>,
): CountedThings<Thing> {
  const { keyRing } = stores
  const find = async (id: string): Promise<Thing | undefined> => (await all()).find((thing) => thing.id === id)
  const unseen = (id: string): Error => notFound(`${noun} "${shown(id)}"`)
  const seen = async (actor: AdminActor, id: string): Promise<Thing> => {
    const found = await find(id)
    if (found === undefined || !(await reachesSubject(actor, found.subject, keyRing))) throw unseen(id)
    return found
  }
  const keep: CountedThings<Thing>['keep'] = (actor, action, before, after, reason) => {
    const change = { action, subject: `${noun}:${after.id}`, reason, after: toJson(after), ...(before !== undefined && { before: toJson(before) }) }
    return changes.recorded(actor, change, async () => {
      if (!(await define(after))) throw new LostRace(`The ${noun} "${after.id}"`)
    })
  }
  return {
    seen,
    keep,
    define: async (actor, id, { subject: given, version, reason }, make) => {
      const subject = withoutUndefined(given)
      if (!(await reachesSubject(actor, subject, keyRing))) throw notFound(`${noun} or scope for this subject`)
      return untilFirst(version !== undefined, async () => {
        const before = await find(id)
        // A thing of somebody else must not become one's own by taking its id.
        if (before !== undefined && !(await reachesSubject(actor, before.subject, keyRing))) throw unseen(id)
        if (version !== undefined && version !== (before?.version ?? 0))
          throw conflict(`version: the ${noun} "${id}" is at ${before?.version ?? 0} by now. Read it again, and decide again.`)
        const after = make(before)
        await keep(actor, `${noun}.define`, before, after, reason)
        const { keys, warnings } = await matchesOfSubject(subject, stores)
        return { status: before === undefined ? 201 : 200, body: { [noun]: toJson(after), isNew: before === undefined, matches: { keys }, warnings } }
      })
    },
    page: async (actor, query) => {
      const visible: Thing[] = []
      const limit = limitOf(query)
      for (const thing of await all()) {
        if (query.after !== undefined && thing.id <= query.after) continue
        if (visible.length > limit) break
        if (await reachesSubject(actor, thing.subject, keyRing)) visible.push(thing)
      }
      const { items, next } = pageOf(visible, limit, ({ id }) => id)
      return { items: items.map(toJson), next }
    },
    remove: async (actor, id, reason) => {
      const before = await seen(actor, id)
      await changes.recorded(actor, { action: `${noun}.remove`, subject: `${noun}:${id}`, reason, before: toJson(before) }, async () => {
        if (!(await remove(id))) throw unseen(id)
      })
      return { body: { removed: id } }
    },
  }
}
