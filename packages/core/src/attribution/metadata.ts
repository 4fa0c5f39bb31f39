import type { RequestBody } from '../exchange/request-body.ts'

/** What `metadata.user_id` says, in any form that Claude Code ever gave it. */
export interface ClientMetadata {
  readonly source: 'metadata' | 'metadata-legacy'
  readonly device?: string
  readonly account?: string
  readonly session?: string
}

const maxMetadataBytes = 8192
const deviceGrammar = /^[0-9a-f]{64}$/
const uuidGrammar = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
/** 1.0 to 2.1.73; the account is empty without a subscription. */
const underscoreForm = /^user_([0-9a-f]{64})_account_([0-9a-f-]{36})?_session_([0-9a-f-]{36})$/i

/**
 * Reads `metadata.user_id`: a JSON text (since 2.1.86), `user_…_account_…_session_…` (1.0 to 2.1.73), or a bare device id (0.2).
 * Anything else is another client's own user id, and none of ours to keep.
 */
export function readMetadata(body: RequestBody): ClientMetadata | undefined {
  const userId = stringAt(body.value('metadata', maxMetadataBytes), 'user_id')
  if (userId === undefined) return undefined
  if (userId.startsWith('{')) return ofJson(userId)
  const [, device, account, session] = underscoreForm.exec(userId) ?? []
  if (device !== undefined) return { source: 'metadata-legacy', device, ...keep('account', account), ...keep('session', session) }
  return deviceGrammar.test(userId) ? { source: 'metadata-legacy', device: userId } : undefined
}

function ofJson(text: string): ClientMetadata | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  const device = stringAt(value, 'device_id')
  return {
    source: 'metadata',
    ...(device !== undefined && deviceGrammar.test(device) && { device }),
    ...keep('account', stringAt(value, 'account_uuid')),
    ...keep('session', stringAt(value, 'session_id')),
  }
}

function keep<Key extends string>(key: Key, value: string | undefined): { readonly [K in Key]?: string } {
  return value !== undefined && uuidGrammar.test(value) ? ({ [key]: value } as { [K in Key]: string }) : {}
}

function stringAt(value: unknown, key: string): string | undefined {
  const found = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined
  return typeof found === 'string' ? found : undefined
}
