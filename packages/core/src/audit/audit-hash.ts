import type { AuditRecord } from '../ports/audit-log.ts'
import { canonicalJson } from './canonical-json.ts'

const encoder = new TextEncoder()

/** What the first record of a chain follows. */
export const noHash: string = '0'.repeat(64)

/** SHA-256 of a text's UTF-8 bytes, hex. By WebCrypto, which every runtime has. */
export async function sha256Hex(text: string): Promise<string> {
  let hex = ''
  for (const byte of new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(text)))) hex += byte.toString(16).padStart(2, '0')
  return hex
}

/** The hash of a record: over all that stands before it, as a list, so that nothing can move from one field into the next. */
export function auditHash({ sequence, at, actor, action, subject, reason, contentHash, previousHash }: Omit<AuditRecord, 'hash' | 'content'>): Promise<string> {
  return sha256Hex(canonicalJson([sequence, at, actor, action, subject, reason ?? null, contentHash, previousHash]))
}
