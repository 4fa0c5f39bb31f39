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
const dotSegment = /(?:^|\/|%2f|%5c)(?:\.|%2e){1,2}(?:\/|%2f|%5c|;|$)/i
/** A letter, digit, `-`, `.`, `_` or `~` that is percent-encoded: no client does that (RFC 3986 §2.3), and a server may decode it. */
const encodedUnreserved = /%(?:2[de]|3\d|4[1-9a-f]|5[\daf]|6[1-9a-f]|7[\dae])/i
/** Routes that are metered, priced and checked by their exact path. */
const accountedPaths: ReadonlySet<string> = new Set(['/v1/messages', '/v1/messages/count_tokens'])

/**
 * Splits a raw target in origin form. Undefined for anything else: an absolute URL, a fragment, a backslash, a control character,
 * a space, a dot segment (some runtimes resolve those, others do not, so two hops could see two different paths), or another
 * spelling of a route that is accounted for, which an upstream may well take for that route.
 */
export function parseTarget(raw: string): RequestTarget | undefined {
  if (!targetGrammar.test(raw) || raw.startsWith('//')) return undefined
  const mark = raw.indexOf('?')
  const path = mark === -1 ? raw : raw.slice(0, mark)
  if (dotSegment.test(path) || (path.startsWith('/v1/') && isDisguised(path))) return undefined
  return { raw, path, query: mark === -1 ? '' : raw.slice(mark) }
}

/** True of a path that a server may read as another one: letters encoded, or an accounted route with empty segments, in other case or with something at its end. */
function isDisguised(path: string): boolean {
  if (accountedPaths.has(path)) return false
  if (encodedUnreserved.test(path)) return true
  const plain = path
    .toLowerCase()
    .replaceAll('%2f', '/')
    .replace(/\/{2,}/g, '/')
  const end = plain.search(/[;%]/)
  return accountedPaths.has((end === -1 ? plain : plain.slice(0, end)).replace(/\/$/, ''))
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
