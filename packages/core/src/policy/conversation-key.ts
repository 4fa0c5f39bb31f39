import type { Attribution, RequestKind } from '../entry/attribution.ts'

const turns: ReadonlySet<RequestKind> = new Set(['main', 'sub-agent', 'compaction', 'other'])

/** True for the turns of a conversation; false for calls on the side, which nothing follows. */
export function isTurn(kind: RequestKind): boolean {
  return turns.has(kind)
}

/** Tells conversations apart, tenant included; undefined where the client names no session. */
export function conversationKey({ session, agent, kind }: Pick<Attribution, 'session' | 'agent' | 'kind'>, tenant: string | undefined): string | undefined {
  if (session === undefined) return undefined
  // Older clients give their agents no id: they must not be taken for the session's own loop.
  return JSON.stringify([tenant ?? null, session.value, agent?.value ?? (kind.value === 'sub-agent' ? 'sub-agent' : null)])
}

/** Key of the session's own loop, whose beginning its side calls may share. */
export function mainKey({ session }: Pick<Attribution, 'session'>, tenant: string | undefined): string | undefined {
  return session && JSON.stringify([tenant ?? null, session.value, null])
}
