import { isObject } from './json.ts'

/** What {@link sessionOf} reads of a call. */
export interface SessionSource {
  header(name: string): string | undefined
  readonly json: unknown
}

/**
 * The session a request belongs to: Claude Code's header, else the `session_id` inside `metadata.user_id` (a JSON text),
 * else the credential.
 */
export function sessionOf(call: SessionSource): string {
  const named = call.header('x-claude-code-session-id')
  if (named !== undefined) return named
  const metadata = isObject(call.json) && isObject(call.json['metadata']) ? call.json['metadata']['user_id'] : undefined
  if (typeof metadata === 'string') return /"session_id":"([^"]+)"/.exec(metadata)?.[1] ?? metadata
  return call.header('x-api-key') ?? call.header('authorization') ?? ''
}
