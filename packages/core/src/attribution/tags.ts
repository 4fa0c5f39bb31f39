import { headerValues, type HeaderList } from '../wire/header-list.ts'
import { toDeclaredLabel } from './labels.ts'

/** Most tags that one request may carry. */
export const maxTags = 16

/**
 * Free tags, `team=payments, cost-centre=42`, from as many header lines as there are. Pairs that are malformed, secret-shaped or beyond
 * the sixteenth are dropped; of one name the first counts.
 */
export function readTags(headers: HeaderList, headerName: string): Readonly<Record<string, string>> {
  const tags: Record<string, string> = {}
  let count = 0
  for (const line of headerValues(headers, headerName)) {
    for (const pair of line.slice(0, 4096).split(/[,;]/)) {
      const split = pair.indexOf('=')
      const name = pair.slice(0, Math.max(split, 0)).trim().toLowerCase()
      const value = split === -1 ? undefined : toDeclaredLabel(pair.slice(split + 1))
      if (value === undefined || !/^[a-z][a-z0-9_.-]{0,31}$/.test(name) || Object.hasOwn(tags, name) || count === maxTags) continue
      tags[name] = value
      count += 1
    }
  }
  return tags
}
