import { fc, it as property } from '@fast-check/vitest'
import { Secret } from '@sluice/core'
import { AwsV4Signer } from 'aws4fetch'
import { describe, expect, it } from 'vitest'
import { awsSigner } from './aws-signature.ts'

/** Amazon's published test suite for Signature Version 4: its inputs, and the signatures it names. Its requests are sent as their canonical forms. */
const host = 'example.amazonaws.com'
const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: new Secret('wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'), sessionToken: undefined }
const suiteToken =
  'AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=='
const suiteTime = Date.UTC(2015, 7, 30, 12, 36)
const unreserved = '-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

interface Vector {
  readonly name: string
  readonly method?: string
  readonly path?: string
  readonly headers?: readonly (readonly [string, string])[]
  readonly body?: string
  readonly token?: string
  readonly signature: string
}

const vectors: readonly Vector[] = [
  { name: 'get-vanilla', signature: '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31' },
  { name: 'get-vanilla-query', path: '/?', signature: '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31' },
  { name: 'get-vanilla-empty-query-key', path: '/?Param1=value1', signature: 'a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb' },
  {
    name: 'get-vanilla-query-order-key-case',
    path: '/?Param2=value2&Param1=value1',
    signature: 'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
  },
  {
    name: 'get-vanilla-query-unreserved',
    path: `/?${unreserved}=${unreserved}`,
    signature: '9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197',
  },
  { name: 'get-vanilla-utf8-query', path: '/?ሴ=bar', signature: '2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04' },
  { name: 'get-unreserved', path: `/${unreserved}`, signature: '07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f' },
  { name: 'get-utf8', path: '/ሴ', signature: '8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85' },
  {
    name: 'get-header-key-duplicate',
    headers: [
      ['My-Header1', 'value2'],
      ['My-Header1', 'value2'],
      ['My-Header1', 'value1'],
    ],
    signature: 'c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea',
  },
  {
    name: 'get-header-value-order',
    headers: [
      ['My-Header1', 'value4'],
      ['My-Header1', 'value1'],
      ['My-Header1', 'value3'],
      ['My-Header1', 'value2'],
    ],
    signature: '08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01',
  },
  {
    name: 'get-header-value-trim',
    headers: [
      ['My-Header1', ' value1'],
      ['My-Header2', ' "a   b   c"'],
    ],
    signature: 'acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736',
  },
  { name: 'post-vanilla', method: 'POST', signature: '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b' },
  {
    name: 'post-header-key-sort',
    method: 'POST',
    headers: [['My-Header1', 'value1']],
    signature: 'c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c',
  },
  {
    name: 'post-header-value-case',
    method: 'POST',
    headers: [['My-Header1', 'VALUE1']],
    signature: 'cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d',
  },
  { name: 'post-sts-header-before', method: 'POST', token: suiteToken, signature: '85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead' },
  { name: 'post-vanilla-query', method: 'POST', path: '/?Param1=value1', signature: '28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11' },
  {
    name: 'post-vanilla-query-nonunreserved',
    method: 'POST',
    path: '/?%40%23%24%25%5E=&%2B=%2F%2C%3F%3E%3C%60%22%3B%3A%5C%7C%5D%5B%7B%7D',
    signature: '66c82657c86e26fb25238d0e69f011edc4c6df5ae71119d7cb98ed9b87393c1e',
  },
  { name: 'post-vanilla-query-space', method: 'POST', path: '/?p=', signature: 'e71688addb58a26418614085fb730ba3faa623b461c17f48f2fbdb9361b94a9b' },
  {
    name: 'post-x-www-form-urlencoded',
    method: 'POST',
    headers: [['Content-Type', 'application/x-www-form-urlencoded']],
    body: 'Param1=value1',
    signature: 'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
  },
  {
    name: 'post-x-www-form-urlencoded-parameters',
    method: 'POST',
    headers: [['Content-Type', 'application/x-www-form-urlencoded; charset=utf8']],
    body: 'Param1=value1',
    signature: '1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe',
  },
]

const authorization = (headers: readonly (readonly [string, string])[]): string => headers.find(([name]) => name === 'authorization')?.[1] ?? ''

describe('an AWS signature', () => {
  it.each(vectors)('is what the published test suite says: $name', async ({ method = 'GET', path = '/', headers = [], body = '', token, signature }) => {
    const sign = awsSigner('us-east-1', 'service')
    const held = { ...credentials, sessionToken: token === undefined ? undefined : new Secret(token) }
    const signed = await sign({ method, host, path, headers, body: body === '' ? [] : [new TextEncoder().encode(body)] }, held, suiteTime)
    expect(authorization(signed)).toMatch(/^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/20150830\/us-east-1\/service\/aws4_request, SignedHeaders=/)
    expect(authorization(signed)).toContain(`Signature=${signature}`)
  })

  it('ignores dot segments and repeated slashes, and keeps a slash at the end, as the suite asks', async () => {
    const sign = awsSigner('us-east-1', 'service')
    const of = async (path: string): Promise<string> => authorization(await sign({ method: 'GET', host, path, headers: [], body: [] }, credentials, suiteTime))
    for (const path of ['/example/..', '/example1/example2/../..', '//', '/./']) expect(await of(path)).toBe(await of('/'))
    expect(await of('/./example')).toBe(await of('/example'))
    expect(await of('//example//')).toBe(await of('/example/'))
    expect(await of('/example/')).not.toBe(await of('/example'))
  })

  it('derives the key of a day once, and anew for other credentials', async () => {
    const sign = awsSigner('us-east-1', 'service')
    const request = { method: 'GET', host, path: '/', headers: [], body: [] }
    const first = await sign(request, credentials, suiteTime)
    await sign(request, { ...credentials, secretAccessKey: new Secret('another') }, suiteTime)
    expect(await sign(request, credentials, suiteTime)).toEqual(first)
    expect(await sign(request, credentials, suiteTime + 86_400_000)).not.toEqual(first)
  })

  property.prop(
    [
      fc.stringMatching(/^[\w.:/-]{1,60}$/),
      fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.stringMatching(/^[\w %&=+/-]{0,12}$/), { maxKeys: 4 }),
      fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 4 }),
      fc.option(fc.stringMatching(/^[\w+/=]{8,40}$/), { nil: undefined }),
    ],
    { numRuns: 200 },
  )('agrees with aws4fetch on model ids, queries, bodies and tokens', async (id, query, body, token) => {
    const search = new URLSearchParams(query).toString().replaceAll('+', '%20')
    const path = `/model/${encodeURIComponent(id)}/invoke${search === '' ? '' : `?${search}`}`
    const held = { ...credentials, sessionToken: token === undefined ? undefined : new Secret(token) }
    const signed = await awsSigner('eu-central-1', 'bedrock')(
      { method: 'POST', host, path, headers: [['content-type', 'application/json']], body },
      held,
      suiteTime,
    )
    const oracle = new AwsV4Signer({
      method: 'POST',
      url: `https://${host}${path}`,
      headers: { 'content-type': 'application/json' },
      body: Buffer.concat(body),
      accessKeyId: held.accessKeyId,
      secretAccessKey: held.secretAccessKey.reveal(),
      ...(token !== undefined && { sessionToken: token }),
      service: 'bedrock',
      region: 'eu-central-1',
      datetime: '20150830T123600Z',
      allHeaders: true,
    })
    expect(authorization(signed)).toBe((await oracle.sign()).headers.get('authorization'))
  })
})
