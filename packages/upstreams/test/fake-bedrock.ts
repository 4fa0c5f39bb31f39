import type { UpstreamRequest } from '@sluice/core'
import { createHash, createHmac } from 'node:crypto'

/** The account that a fake Bedrock knows. */
export const account = {
  accessKeyId: 'ASIAEXAMPLE000000001',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  sessionToken: 'session-token-canary==',
} as const

type Signed = Pick<UpstreamRequest, 'method' | 'path' | 'headers' | 'body'>

/**
 * Checks a signature as the service does, from what arrived: an implementation of its own, on the runtime's crypto module.
 * Returns what is wrong; undefined where nothing is.
 */
export function signatureProblem(
  { method, path, headers, body }: Signed,
  host: string,
  region: string,
  service: string,
  nowMillis: number,
): string | undefined {
  const values = new Map(headers.map(([name, value]) => [name.toLowerCase(), value]))
  values.set('host', host)
  const match = /^AWS4-HMAC-SHA256 Credential=(\w+)\/(\d{8})\/([\w-]+)\/([\w-]+)\/aws4_request, SignedHeaders=([\w;-]+), Signature=([0-9a-f]{64})$/.exec(
    values.get('authorization') ?? '',
  )
  if (match === null) return 'no signature'
  const [, keyId, day, signedRegion, signedService, names = '', signature] = match
  const time = values.get('x-amz-date') ?? ''
  const [, year, month, date, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(time)?.map(Number) ?? []
  const at = Date.UTC(year ?? 0, (month ?? 1) - 1, date, hour, minute, second)
  if (!(Math.abs(at - nowMillis) < 5 * 60_000)) return `signed at ${time}`
  if (keyId !== account.accessKeyId || signedRegion !== region || signedService !== service || !time.startsWith(day as string)) return 'wrong scope'
  if (values.get('x-amz-security-token') !== account.sessionToken) return 'wrong session token'
  const must = ['host', ...[...values.keys()].filter((name) => name.startsWith('x-amz-') || name === 'content-type')]
  const signed = names.split(';')
  if (must.some((name) => !signed.includes(name))) return `not all of ${must.join()} are signed`
  const [rawPath = '', query = ''] = path.split('?')
  const canonicalPath = rawPath
    .split('/')
    .map((segment) => encodeURIComponent(segment).replaceAll(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`))
    .join('/')
  const canonicalQuery = query
    .split('&')
    .filter((part) => part !== '')
    .map((part) => (part.includes('=') ? part : `${part}=`))
    .toSorted()
    .join('&')
  const payload = createHash('sha256').update(Buffer.concat(body)).digest('hex')
  const canonicalHeaders = signed.map((name) => `${name}:${values.get(name)}\n`).join('')
  const request = [method, canonicalPath, canonicalQuery, canonicalHeaders, names, payload].join('\n')
  const scope = `${day}/${region}/${service}/aws4_request`
  const toSign = ['AWS4-HMAC-SHA256', time, scope, createHash('sha256').update(request).digest('hex')].join('\n')
  let key: Buffer | string = `AWS4${account.secretAccessKey}`
  for (const part of [day as string, region, service, 'aws4_request']) key = createHmac('sha256', key).update(part).digest()
  return createHmac('sha256', key).update(toSign).digest('hex') === signature ? undefined : 'the signature does not match'
}
