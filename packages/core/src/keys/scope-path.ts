import { ConfigurationError } from '../errors.ts'
import type { ScopeLevel } from '../ports/scope-tree.ts'

/** The levels from the top down. */
export const scopeLevels: readonly ScopeLevel[] = Object.freeze(['organisation', 'business-unit', 'sub-business-unit', 'cost-centre', 'developer'])

const mostNames = 8
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$/

/**
 * Checks a scope's path: 1 to 8 names joined by slashes, each of 1 to 64 letters, digits and `._@+-`, the first of them a letter or digit.
 *
 * @throws ConfigurationError naming what is wrong
 */
export function checkScopePath(path: string): void {
  const names = path.split('/', mostNames + 1)
  if (names.length > mostNames) throw new ConfigurationError('scope', `"${shown(path)}" has more than ${mostNames} names. Leave levels out.`)
  for (const name of names) {
    if (!namePattern.test(name)) {
      throw new ConfigurationError(
        'scope',
        `"${shown(name)}" is no name of a scope. Use 1 to 64 letters, digits and ._@+- for each, a letter or digit first, joined by slashes: acme/retail/web/ada.`,
      )
    }
  }
}

/** The path of the scope above; undefined for one of a single name. */
export function parentOf(path: string): string | undefined {
  const slash = path.lastIndexOf('/')
  return slash === -1 ? undefined : path.slice(0, slash)
}

/** The last name of a path. */
export function lastNameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** The level that a scope has unless it is said: the next below its parent's, `organisation` without a parent; undefined below a developer. */
export function levelBelow(parentLevel: ScopeLevel | undefined): ScopeLevel | undefined {
  return scopeLevels[parentLevel === undefined ? 0 : scopeLevels.indexOf(parentLevel) + 1]
}

/** True where a level is nearer to the developer than another. */
export function isDeeper(level: ScopeLevel, than: ScopeLevel): boolean {
  return scopeLevels.indexOf(level) > scopeLevels.indexOf(than)
}

/** True for a path and all paths below it, name by name: `acme/web` is within `acme`, `acme-web` is not. */
export function isWithin(path: string, ancestor: string): boolean {
  return path === ancestor || (path.length > ancestor.length && path.startsWith(ancestor) && path[ancestor.length] === '/')
}

/** What is long is no name, and may be a key that was pasted in the wrong place. */
function shown(text: string): string {
  return (text.length > 40 ? `${text.slice(0, 16)}…` : text).replace(/[^ -~…]/g, '?')
}
