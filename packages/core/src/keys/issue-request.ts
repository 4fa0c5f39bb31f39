import { ConfigurationError } from '../errors.ts'
import type { KeyRestrictions } from '../ports/key-ring.ts'
import { checkRestrictions } from './restrictions.ts'
import { checkScopePath, lastNameOf } from './scope-path.ts'

/** A key to be issued. */
export interface KeyIssue {
  /** Path of the scope that its spend belongs to. */
  readonly scope: string
  /** What people call it. @defaultValue the developer */
  readonly name?: string
  /** @defaultValue the last name of the scope's path */
  readonly developer?: string
  /** Tags of all its exchanges; they win over what a client declares. @defaultValue none */
  readonly tags?: Readonly<Record<string, string>>
  /** @defaultValue none */
  readonly restrictions?: KeyRestrictions
  /** Milliseconds since the epoch. A key that a person holds should have one. @defaultValue never */
  readonly expiresAt?: number
}

/** A {@link KeyIssue} that was checked, with its defaults. */
export interface CheckedIssue {
  readonly scope: string
  readonly name: string
  readonly developer: string
  readonly tags: Readonly<Record<string, string>>
  readonly restrictions: KeyRestrictions
  readonly expiresAt: number | undefined
}

const longestName = 128
const mostTags = 32
const longestTagValue = 256
/** The last instant that a date can show. */
const endOfTime = 8.64e15

/** @throws ConfigurationError naming the field, and the fix */
export function checkIssue({ scope, expiresAt, ...issue }: KeyIssue, now: number): CheckedIssue {
  checkScopePath(scope)
  const developer = checkText('developer', issue.developer ?? lastNameOf(scope), longestName)
  const name = checkText('name', issue.name ?? developer, longestName)
  if (expiresAt !== undefined && !(Number.isSafeInteger(expiresAt) && expiresAt > now && expiresAt <= endOfTime))
    throw new ConfigurationError('expiresAt', `${expiresAt} is not an instant to come, in milliseconds since 1970.`)
  return { scope, name, developer, tags: checkTags(issue.tags ?? {}), restrictions: checkRestrictions(issue.restrictions ?? {}), expiresAt }
}

function checkTags(tags: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const entries = Object.entries(tags)
  if (entries.length > mostTags) throw new ConfigurationError('tags', `are ${entries.length}. Use at most ${mostTags}.`)
  for (const [name, value] of entries) {
    checkText('tags', name, longestName)
    if (value !== '') checkText(`tags.${name}`, value, longestTagValue)
  }
  return tags
}

function checkText(field: string, text: unknown, longest: number): string {
  if (typeof text !== 'string' || text === '' || text.length > longest || /\p{Cc}|\p{Cs}/u.test(text))
    throw new ConfigurationError(field, `has to be a text of 1 to ${longest} characters without control characters.`)
  return text
}
