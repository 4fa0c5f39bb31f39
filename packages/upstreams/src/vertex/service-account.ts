import { ConfigurationError, Secret } from '@sluice/core'
import { importPKCS8, SignJWT } from 'jose'
import { heldValue, type HeldValue } from '../held-value.ts'

/** A Google service account's key, as in the JSON file that Google hands out. Other members are ignored, its `token_uri` among them. */
export interface ServiceAccount {
  readonly client_email: string
  readonly private_key: string | Secret
  readonly private_key_id?: string
}

/** How tokens are got. */
export interface TokenExchange {
  /** @defaultValue 'https://oauth2.googleapis.com/token' */
  readonly tokenUrl?: string
  /** @defaultValue the runtime's fetch */
  readonly fetch?: typeof globalThis.fetch
}

const googleTokenUrl = 'https://oauth2.googleapis.com/token'
const scope = 'https://www.googleapis.com/auth/cloud-platform'
const grantType = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const lifetimeSeconds = 3600
const waitMillis = 10_000

/**
 * Access tokens for a service account (https://developers.google.com/identity/protocols/oauth2/service-account#authorizingrequests): a signed assertion is
 * exchanged for one, which is kept and renewed before it ends, by one request however many ask.
 *
 * @throws ConfigurationError where the account has no email or no PKCS #8 key
 */
export function serviceAccountTokens(
  account: ServiceAccount,
  { tokenUrl = googleTokenUrl, fetch = globalThis.fetch }: TokenExchange,
  now: () => number,
): () => Promise<string> {
  const { client_email: email, private_key: privateKey, private_key_id: keyId } = account
  const pem = typeof privateKey === 'string' ? new Secret(privateKey) : privateKey
  if (!/^[^\s@]+@[^\s@]+$/.test(email)) throw new ConfigurationError('vertex.serviceAccount.client_email', "is not a service account's email.")
  if (!pem.reveal().includes('-----BEGIN PRIVATE KEY-----'))
    throw new ConfigurationError(
      'vertex.serviceAccount.private_key',
      'is not a PKCS #8 key. Take private_key from the JSON file as it is, line breaks included.',
    )
  let key: ReturnType<typeof importPKCS8> | undefined
  const renew = async (): Promise<HeldValue<string>> => {
    key ??= importPKCS8(pem.reveal(), 'RS256')
    const issuedAt = Math.floor(now() / 1000)
    const assertion = await new SignJWT({ scope })
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT', ...(keyId !== undefined && { kid: keyId }) })
      .setIssuer(email)
      .setAudience(tokenUrl)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + lifetimeSeconds)
      .sign(await key)
    const reply = await fetch(tokenUrl, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ grant_type: grantType, assertion }).toString(),
      signal: AbortSignal.timeout(waitMillis),
    })
    return tokenOf(reply.status, await reply.text(), now())
  }
  return heldValue(renew, now)
}

function tokenOf(status: number, text: string, at: number): HeldValue<string> {
  let body: { readonly access_token?: unknown; readonly expires_in?: unknown; readonly error?: unknown } = {}
  try {
    body = JSON.parse(text) as typeof body
  } catch (cause) {
    throw new Error(`the token endpoint answered ${status} without JSON`, { cause })
  }
  const { access_token: token, expires_in: seconds, error } = body
  if (status !== 200 || typeof token !== 'string')
    throw new Error(`the token endpoint answered ${status}: ${typeof error === 'string' ? error.slice(0, 80) : 'no access_token'}`)
  return { value: token, expiresAt: typeof seconds === 'number' ? at + seconds * 1000 : undefined }
}
