import { headerValues, type HeaderList } from './header-list.ts'

/** The request line's target, split but never decoded: routing looks at the bytes that the client sent. */
export interface RequestTarget {
  /** Path and query as received. */
  readonly raw: string
  /** Path as received, percent-encoding untouched. */
  readonly path: string
  /** Query with its question mark, or an empty string. */
  readonly query: string
}

const hostGrammar = /^(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i
const targetGrammar = /^\/[\x21-\x22\x24-\x5b\x5d-\x7e]*$/
const dotSegment = /(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i

/**
 * Splits a raw target in origin form. Undefined for anything else: an absolute URL, a fragment, a backslash, a control character,
 * a space, or a dot segment (some runtimes resolve those, others do not, so two hops could see two different paths).
 */
export function parseTarget(raw: string): RequestTarget | undefined {
  if (!targetGrammar.test(raw) || raw.startsWith('//')) return undefined
  const mark = raw.indexOf('?')
  const path = mark === -1 ? raw : raw.slice(0, mark)
  if (dotSegment.test(path)) return undefined
  return { raw, path, query: mark === -1 ? '' : raw.slice(mark) }
}

/**
 * True when there is exactly one Host, it is a plain host with an optional port, and it is the host that the runtime parsed the URL from.
 * On some runtimes a crafted Host changes the parsed path (`Host: a/v1/messages?x=`), so this runs before any routing.
 */
export function isSaneHost(headers: HeaderList, parsedAuthority: string | undefined): boolean {
  const hosts = headerValues(headers, 'host')
  const host = hosts[0]
  if (hosts.length !== 1 || host === undefined || !hostGrammar.test(host)) return false
  return parsedAuthority === undefined || withoutDefaultPort(parsedAuthority) === withoutDefaultPort(host)
}

function withoutDefaultPort(authority: string): string {
  return authority.toLowerCase().replace(/:(?:80|443)$/, '')
}
