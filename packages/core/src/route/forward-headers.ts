import { isCredentialHeader } from '../wire/credentials.ts'
import { endToEndHeaders, type HeaderList } from '../wire/header-list.ts'

/**
 * Which headers cross the gateway: all of them, minus these short lists. New headers of a client or of the API pass untouched.
 */

/** Addresses of whoever stands before the gateway: ours to know, not to hand on. */
const forwardingHeaders: ReadonlySet<string> = new Set(['forwarded', 'via', 'x-real-ip', 'true-client-ip', 'cf-connecting-ip'])
/** Written anew for the next hop. */
const rewrittenHeaders: ReadonlySet<string> = new Set(['host', 'content-length', 'expect'])

function isKeptFromUpstream(name: string): boolean {
  return (
    isCredentialHeader(name) || rewrittenHeaders.has(name) || forwardingHeaders.has(name) || name.startsWith('x-forwarded-') || name.startsWith('x-sluice-')
  )
}

/** How the gateway asks for content codings. `identity`: what it must read comes plain; `forward`: the client's wish stands. */
export type AcceptEncoding = 'identity' | 'forward'

/** Request headers for the upstream: the client's end-to-end headers in their order, then the credential. */
export function upstreamHeaders(clientHeaders: HeaderList, credential: HeaderList, acceptEncoding: AcceptEncoding): HeaderList {
  const isIdentity = acceptEncoding === 'identity'
  const kept = endToEndHeaders(clientHeaders, (name) => isKeptFromUpstream(name) || (isIdentity && name === 'accept-encoding'))
  if (isIdentity) kept.push(['accept-encoding', 'identity'])
  kept.push(...credential)
  return kept
}

/** Reply headers for the client: the upstream's end-to-end headers, less those that no longer describe the bytes, plus what middleware set in their place. */
export function clientHeaders(upstream: HeaderList, isDecoded: boolean, set: HeaderList, droppedPrefixes: readonly string[] = []): HeaderList {
  const replaced = new Set(set.map(([name]) => name.toLowerCase()))
  const isDropped = (name: string): boolean => replaced.has(name) || droppedPrefixes.some((prefix) => name.startsWith(prefix))
  const kept = endToEndHeaders(upstream, (name) => isDropped(name) || (isDecoded && (name === 'content-encoding' || name === 'content-length')))
  kept.push(...set)
  return kept
}
