import type { Attributed } from '../entry/attribution.ts'
import { headerValue, type HeaderList } from '../wire/header-list.ts'
import type { ClientMetadata } from './metadata.ts'

/** Claude Code's own header; on messages since 2.1.86, token counts and probes included. */
export const sessionHeader = 'x-claude-code-session-id'

const sessionGrammar = /^[\w.:-]{8,128}$/

/** The session: header, then metadata, else none. A hash of content would merge strangers and split one session; there is no such fallback. */
export function sessionOf(headers: HeaderList, metadata: ClientMetadata | undefined): Attributed | undefined {
  const declared = headerValue(headers, sessionHeader)?.trim()
  if (declared !== undefined && sessionGrammar.test(declared)) return { value: declared, source: 'header' }
  return metadata?.session === undefined ? undefined : { value: metadata.session, source: metadata.source }
}
