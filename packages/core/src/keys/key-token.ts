import { equalInConstantTime } from '../secret.ts'
import { toBytes, toText } from '../wire/bytes.ts'
import { fromBase64Url, toBase64Url, type KeyHashes } from './key-hash.ts'

/** What a key's second presentation says: which key, which of its secrets, and until when. */
export interface KeyToken {
  readonly keyId: string
  /** The first characters of the secret's hash. */
  readonly generation: string
  /** Milliseconds since the epoch, whole seconds. */
  readonly issuedAt: number
  readonly expiresAt: number
}

/**
 * The second presentation of a virtual key: a JWT. Claude Code shows a gateway's messages verbatim, and its soft warnings, when the bearer is a JWT
 * whose audience is this one. It is a client internal; measured with Claude Code 2.1.330.
 */
const audience = 'claude-gateway'
const issuer = 'sluice'
/** The one header that is taken: there is no algorithm to choose, so none to confuse. */
const header = toBase64Url(toBytes('{"alg":"HS256","typ":"JWT"}'))
const maxTokenLength = 1024
const generationLength = 16

export const generationOf = (hash: string): string => hash.slice(0, generationLength)

/** True for what has the shape of our tokens: worth a signature, which costs no look-up. */
export function looksLikeToken(credential: string): boolean {
  return credential.length <= maxTokenLength && credential.startsWith(`${header}.`)
}

/** Writes and signs a token. */
export async function writeKeyToken({ keyId, generation, issuedAt, expiresAt }: KeyToken, hashes: KeyHashes): Promise<string> {
  const payload = { iss: issuer, aud: audience, sub: keyId, exp: Math.floor(expiresAt / 1000), iat: Math.floor(issuedAt / 1000), gen: generation }
  const signed = `${header}.${toBase64Url(toBytes(JSON.stringify(payload)))}`
  return `${signed}.${await hashes.ofToken(signed)}`
}

/** Reads a token of ours; undefined for anybody else's. Nothing of it is parsed before the signature has been found right. */
export async function readKeyToken(credential: string, hashes: KeyHashes): Promise<KeyToken | undefined> {
  if (!looksLikeToken(credential)) return undefined
  const [, payload, signature, ...rest] = credential.split('.', 4)
  if (payload === undefined || signature === undefined || rest.length > 0) return undefined
  // Compared as text: another writing of the same bytes is refused too.
  if (!equalInConstantTime(signature, await hashes.ofToken(`${header}.${payload}`))) return undefined
  const bytes = fromBase64Url(payload)
  if (bytes === undefined) return undefined
  const { iss, aud, sub, exp, iat, gen } = JSON.parse(toText(bytes)) as Readonly<Record<string, unknown>>
  const isOurs = iss === issuer && aud === audience && typeof sub === 'string' && typeof exp === 'number' && typeof iat === 'number' && typeof gen === 'string'
  return isOurs && gen.length === generationLength ? { keyId: sub, generation: gen, issuedAt: iat * 1000, expiresAt: exp * 1000 } : undefined
}
