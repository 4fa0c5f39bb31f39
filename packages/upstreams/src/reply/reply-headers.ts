import { headerValue, type HeaderList } from '@sluice/core'

/** The list without some headers (lower-case names), and with some in their place. */
export function withHeaders(headers: HeaderList, dropped: readonly string[], added: HeaderList): HeaderList {
  return [...headers.filter(([name]) => !dropped.includes(name.toLowerCase())), ...added]
}

/** Keeps the id that an upstream gives a request under its own name as `request-id` too, where clients and records look for it. */
export function withRequestId(headers: HeaderList, ownName: string): HeaderList {
  const id = headerValue(headers, 'request-id') === undefined ? headerValue(headers, ownName) : undefined
  return id === undefined ? headers : [...headers, ['request-id', id]]
}
