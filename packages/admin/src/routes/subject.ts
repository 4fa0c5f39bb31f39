import { isWithin, type BudgetSubject, type KeyRecord, type KeyRing } from '@sluice/core'
import { z } from 'zod'
import { reaches, type AdminActor } from '../power.ts'
import type { AdminStores } from '../stores.ts'
import { shown } from '../refusal.ts'

/** What a budget or a limit counts, as the API takes it. */
export interface SubjectInput {
  readonly scope?: string | undefined
  readonly key?: string | undefined
  readonly tag?: { readonly name: string; readonly value: string } | undefined
  readonly model?: string | undefined
}

/** The schema of a subject. */
export const subjectSchema: z.ZodType<SubjectInput> = z
  .strictObject({
    scope: z.string().min(1).max(1_000).optional().meta({ description: 'This scope and everything below it.' }),
    key: z.string().min(1).max(64).optional().meta({ description: 'Id of a key.' }),
    tag: z
      .strictObject({ name: z.string().regex(/^[\w.-]{1,64}$/), value: z.string().min(1).max(256) })
      .optional()
      .meta({ description: '`repository` and `session` are what the exchange was attributed to; other names are tags of the key, else of the client.' }),
    model: z.string().min(1).max(200).optional().meta({ description: 'An exact id, or a prefix that ends in *.' }),
  })
  .refine((subject) => Object.values(subject).some((part) => part !== undefined), 'name at least one of scope, key, tag, model')

/** The scope that a subject lies in: its own, or that of its key. Undefined where neither bounds it. */
export async function budgetScope({ scope, key }: BudgetSubject, keyRing: Pick<KeyRing, 'find'>): Promise<string | undefined> {
  if (scope !== undefined) return scope
  return key === undefined ? undefined : (await keyRing.find(key))?.scope
}

/** True where the actor may see and change what counts this subject. What no scope bounds is for tokens that none bounds. */
export async function reachesSubject(actor: AdminActor, subject: BudgetSubject, keyRing: Pick<KeyRing, 'find'>): Promise<boolean> {
  if (actor.scope === undefined) return true
  const scope = await budgetScope(subject, keyRing)
  return scope !== undefined && reaches(actor, scope)
}

/** Something that an administrator should know, and that is no error. */
export interface Warning {
  readonly code: 'unknown-scope' | 'archived-scope' | 'unknown-key' | 'revoked-key' | 'no-keys' | 'unknown-developer'
  readonly message: string
}

/** The schema of a warning. */
export const warningSchema: z.ZodType<Warning> = z.strictObject({
  code: z.enum(['unknown-scope', 'archived-scope', 'unknown-key', 'revoked-key', 'no-keys', 'unknown-developer']),
  message: z.string(),
})

/** Whom a subject matches at present. */
export interface Matches {
  /** Keys that it covers, as far as they can be told; null where only what a client asks for decides (a tag of the client's, a model). */
  readonly keys: number | null
  readonly warnings: readonly Warning[]
}

const mostCounted = 1_000

/** Looks whether a subject matches anybody, so that a cap on a misspelt name does not pass for a cap. */
export async function matchesOfSubject(subject: BudgetSubject, { scopes, keyRing }: Pick<AdminStores, 'scopes' | 'keyRing'>): Promise<Matches> {
  const warnings: Warning[] = []
  let keys: number | null = null
  if (subject.scope !== undefined) {
    const scope = (await scopes.lineage(subject.scope))?.at(-1)
    if (scope === undefined) {
      keys = 0
      warnings.push({
        code: 'unknown-scope',
        message: `There is no scope "${shown(subject.scope)}", so this matches nobody until there is. ${await nearestScopes(subject.scope, scopes)}`,
      })
    } else {
      if (scope.archivedAt !== undefined)
        warnings.push({ code: 'archived-scope', message: `The scope "${shown(subject.scope)}" is archived; only keys that were issued before still count.` })
      const found = await keyRing.list({ under: subject.scope, limit: mostCounted })
      keys = found.filter((key) => key.revocation === undefined && carries(key, subject)).length
      if (keys === 0)
        warnings.push({
          code: 'no-keys',
          message: `No key was issued within "${shown(subject.scope)}"${subject.key === undefined ? '' : ' that is this one'}, so this matches nobody yet.`,
        })
    }
  } else if (subject.key !== undefined) {
    const key = await keyRing.find(subject.key)
    keys = key === undefined || key.revocation !== undefined ? 0 : 1
    if (key === undefined)
      warnings.push({ code: 'unknown-key', message: `There is no key "${shown(subject.key)}", so this matches nobody. List keys to find its id.` })
    else if (key.revocation !== undefined)
      warnings.push({ code: 'revoked-key', message: `The key "${shown(subject.key)}" is revoked, so this matches nobody.` })
  }
  return { keys, warnings }
}

function carries(key: KeyRecord, subject: BudgetSubject): boolean {
  return subject.key === undefined || key.id === subject.key
}

/** What is there beside it, for who mistyped. */
async function nearestScopes(path: string, scopes: AdminStores['scopes']): Promise<string> {
  const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')))
  const known = await scopes.list({ limit: 200, ...(parent !== '' && { under: parent }) })
  const beside = known.map((scope) => scope.path).filter((other) => parent === '' || (other !== parent && isWithin(other, parent)))
  return beside.length === 0
    ? 'Add it with POST /admin/v1/scopes.'
    : `There are ${beside
        .slice(0, 5)
        .map((other) => `"${other}"`)
        .join(', ')}${beside.length > 5 ? ' and others' : ''}.`
}
