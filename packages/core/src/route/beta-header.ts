import type { HeaderList } from '../wire/header-list.ts'

/** Headers with some tokens taken out of `anthropic-beta`, the others in their order; the very list that came in where there is nothing to take out. */
export function withoutBetas(headers: HeaderList, dropped: readonly string[] | undefined): HeaderList {
  if (dropped === undefined || dropped.length === 0) return headers
  return headers.flatMap((field) => {
    const [name, value] = field
    if (name.toLowerCase() !== 'anthropic-beta') return [field]
    const tokens = value.split(',')
    const kept = tokens.filter((token) => !dropped.includes(token.trim()))
    if (kept.length === tokens.length) return [field]
    return kept.length === 0 ? [] : [[name, kept.join(',').trim()] as const]
  })
}
