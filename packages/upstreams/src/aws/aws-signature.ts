import type { HeaderList } from '@sluice/core'
import type { HeldCredentials } from './aws-credentials.ts'

/** A request as its signature covers it. */
export interface SignableRequest {
  readonly method: string
  /** With a port where it is not the scheme's own, as the Host header has it. */
  readonly host: string
  /** Path and query, exactly as they are sent. */
  readonly path: string
  /** The headers to cover besides `host` and the signer's own; they must reach the service as they are here. */
  readonly headers: HeaderList
  readonly body: readonly Uint8Array[]
}

/** Signs requests to one service of one region. */
export type AwsSigner = (request: SignableRequest, credentials: HeldCredentials, atMillis: number) => Promise<HeaderList>

/** A WebCrypto key, named the same way in every runtime's types. */
type SigningKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>

const encoder = new TextEncoder()
const algorithm = 'AWS4-HMAC-SHA256'

/**
 * AWS Signature Version 4 on the runtime's own WebCrypto
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html). Returns the headers to add: date, session token, authorization.
 * Only what is asked for is covered: a header that a proxy or runtime may rewrite must not break the signature. The day's key is kept, not derived for each request.
 */
export function awsSigner(region: string, service: string): AwsSigner {
  let kept: { readonly name: string; readonly secret: string; readonly key: Promise<SigningKey> } | undefined
  const keyFor = (day: string, { accessKeyId, secretAccessKey }: HeldCredentials): Promise<SigningKey> => {
    const name = `${accessKeyId}/${day}`
    const secret = secretAccessKey.reveal()
    if (kept?.name !== name || kept.secret !== secret) kept = { name, secret, key: signingKey(secret, day, region, service) }
    return kept.key
  }
  return async ({ method, host, path, headers, body }, credentials, atMillis) => {
    const time = new Date(atMillis).toISOString().replaceAll(/[:-]|\.\d{3}/g, '')
    const day = time.slice(0, 8)
    const scope = `${day}/${region}/${service}/aws4_request`
    const { sessionToken } = credentials
    const own: HeaderList = [['x-amz-date', time], ...(sessionToken === undefined ? [] : [['x-amz-security-token', sessionToken.reveal()] as const])]
    const { canonical, names } = canonicalHeaders([['host', host], ...headers, ...own])
    const [rawPath, query] = splitPath(path)
    const request = [method, canonicalPath(rawPath), canonicalQuery(query), `${canonical}\n`, names, hex(await sha256(body))].join('\n')
    const toSign = [algorithm, time, scope, hex(await sha256([encoder.encode(request)]))].join('\n')
    const signature = hex(await crypto.subtle.sign('HMAC', await keyFor(day, credentials), encoder.encode(toSign)))
    return [...own, ['authorization', `${algorithm} Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`]]
  }
}

async function signingKey(secret: string, ...scope: readonly string[]): Promise<SigningKey> {
  let key = await hmacKey(encoder.encode(`AWS4${secret}`))
  for (const part of [...scope, 'aws4_request']) key = await hmacKey(await crypto.subtle.sign('HMAC', key, encoder.encode(part)))
  return key
}

function hmacKey(bytes: Uint8Array<ArrayBuffer> | ArrayBuffer): Promise<SigningKey> {
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
}

/** WebCrypto digests no stream: several chunks are joined first. */
function sha256(chunks: readonly Uint8Array[]): Promise<ArrayBuffer> {
  const whole = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return crypto.subtle.digest('SHA-256', whole)
}

function splitPath(path: string): readonly [path: string, query: string] {
  const mark = path.indexOf('?')
  return mark === -1 ? [path, ''] : [path.slice(0, mark), path.slice(mark + 1)]
}

/** Dot segments resolved, empty segments dropped, and each segment encoded once more: every service but S3 wants it so. */
function canonicalPath(path: string): string {
  const kept: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.') continue
    if (segment === '..') kept.pop()
    else kept.push(encoded(segment))
  }
  const inner = kept.join('/')
  return inner === '' ? '/' : `/${inner}${/\/\.{0,2}$/.test(path) ? '/' : ''}`
}

function canonicalQuery(query: string): string {
  return query
    .split('&')
    .filter((part) => part !== '')
    .map((part) => {
      const equals = part.indexOf('=')
      return equals === -1
        ? ([encoded(decoded(part)), ''] as const)
        : ([encoded(decoded(part.slice(0, equals))), encoded(decoded(part.slice(equals + 1)))] as const)
    })
    .toSorted(([leftName, leftValue], [rightName, rightValue]) => compare(leftName, rightName) || compare(leftValue, rightValue))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}

function canonicalHeaders(headers: HeaderList): { readonly canonical: string; readonly names: string } {
  const byName = new Map<string, string[]>()
  for (const [name, value] of headers) {
    const lower = name.toLowerCase()
    byName.set(lower, [...(byName.get(lower) ?? []), value.trim().replaceAll(/\s+/g, ' ')])
  }
  const sorted = [...byName].toSorted(([left], [right]) => compare(left, right))
  return { canonical: sorted.map(([name, values]) => `${name}:${values.join(',')}`).join('\n'), names: sorted.map(([name]) => name).join(';') }
}

function compare(left: string, right: string): number {
  if (left === right) return 0
  return left < right ? -1 : 1
}

/** Everything but letters, digits and `-._~` percent-encoded, in capitals. */
function encoded(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // A percent sign that begins no escape stands for itself.
    return text
  }
}

function hex(buffer: ArrayBuffer): string {
  let text = ''
  for (const byte of new Uint8Array(buffer)) text += byte.toString(16).padStart(2, '0')
  return text
}
