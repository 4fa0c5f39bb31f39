import { dialectCredential, swapCredential } from '@sluice/core'
import { expect, test } from 'vitest'
import { checkConfig } from './config-file.ts'
import { toUpstreams, type UpstreamConfig } from './upstream-config.ts'

const aws = { region: 'eu-central-1', bearerToken: 'aws-CANARY' }
const made = (...upstreams: readonly UpstreamConfig[]): readonly unknown[] =>
  toUpstreams('sluice.config.ts', upstreams).map(({ name, baseUrl, dialect }) => [name, baseUrl, dialect?.name])

test('every kind of upstream is made from plain options, without an import in the file', () => {
  const own = { name: 'own', baseUrl: 'https://own.example', credential: swapCredential('sk-x') }
  const configs: readonly UpstreamConfig[] = [
    { kind: 'anthropic', key: 'sk-a' },
    { kind: 'anthropic', name: 'second-workspace', key: 'sk-b' },
    { kind: 'bedrock-mantle', ...aws },
    { kind: 'bedrock-invoke', ...aws, models: { 'claude-sonnet-4-5': 'eu.anthropic.claude-sonnet-4-5-v1:0' } },
    { kind: 'vertex', project: 'acme-1', region: 'eu', accessToken: 'token' },
    { kind: 'foundry', resource: 'acme', apiKey: 'key' },
    { kind: 'messages-compatible', baseUrl: 'https://models.example.com', withoutCredential: true },
    own,
  ]
  expect(checkConfig('f', { upstreams: configs })).toEqual({ upstreams: configs })
  expect(made(...configs)).toEqual([
    ['anthropic', 'https://api.anthropic.com', undefined],
    ['second-workspace', 'https://api.anthropic.com', undefined],
    ['bedrock-mantle', expect.stringContaining('eu-central-1'), expect.any(String)],
    ['bedrock-invoke', 'https://bedrock-runtime.eu-central-1.amazonaws.com/', 'bedrock'],
    ['vertex', expect.stringContaining('eu'), expect.any(String)],
    ['foundry', 'https://acme.services.ai.azure.com/anthropic', 'foundry'],
    ['messages-compatible', 'https://models.example.com/', 'messages-compatible'],
    ['own', 'https://own.example', undefined],
  ])
  const [first, , bedrock] = toUpstreams('f', configs)
  expect(first?.credential.headersFor([], 'api.anthropic.com')).toEqual([['x-api-key', 'sk-a']])
  expect(bedrock?.credential).toBe(dialectCredential())
})

test('what is wrong is said with the file, the place and the fix, and without the secret', () => {
  const refusal = (...upstreams: readonly unknown[]): string => {
    try {
      toUpstreams('f.ts', (checkConfig('f.ts', { upstreams }) as { upstreams: readonly UpstreamConfig[] }).upstreams)
      return 'taken'
    } catch (cause) {
      return (cause as Error).message
    }
  }
  expect(refusal({ kind: 'bedrock', ...aws })).toBe(
    'f.ts: upstreams.0.kind: is no kind of upstream; there are anthropic, bedrock-mantle, bedrock-invoke, vertex, foundry, messages-compatible',
  )
  expect(refusal({ kind: 'anthropic', key: undefined })).toBe('f.ts: upstreams.0: key: is missing. Give the API key, such as process.env.ANTHROPIC_API_KEY.')
  expect(refusal({ kind: 'anthropic', key: 'sk-CANARY with a space' })).toContain('f.ts: upstreams.0: upstream credential')
  expect(refusal({ kind: 'vertex', project: 'p', region: 'not a region', accessToken: 'CANARY' })).toContain('f.ts: upstreams.0: vertex.region')
  expect(refusal({ kind: 'anthropic', key: 'sk-a' }, { kind: 'anthropic', key: 'sk-b' })).toBe(
    'f.ts: upstreams.1: "anthropic" is the name of upstreams.0 too. Give each a `name` of its own.',
  )
  expect(refusal({ name: 'a', baseUrl: 'https://a.example' })).toContain('upstreams.0.credential: is not a credential')
  expect(refusal('https://a.example')).toContain('f.ts: upstreams.0')
  expect(refusal({ kind: 'anthropic', key: 'sk-CANARY with a space' })).not.toContain('CANARY')
})
