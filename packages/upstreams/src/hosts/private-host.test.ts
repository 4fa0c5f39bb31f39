import { ConfigurationError } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { pinnedUrl } from './pinned-host.ts'
import { isPrivateHost } from './private-host.ts'

const privateHosts = [
  ['localhost', 'LOCALHOST', 'localhost.', 'a.localhost', 'printer.local', 'metadata.google.internal', 'vault.corp', 'router', 'db.home.arpa', ''],
  ['127.0.0.1', '127.255.255.254', '0.0.0.0', '0.1.2.3', '10.0.0.1', '100.64.0.1', '100.127.255.255', '169.254.169.254', '172.16.0.1', '172.31.255.255'],
  [
    '192.0.0.1',
    '192.0.2.1',
    '192.88.99.1',
    '192.168.1.1',
    '198.18.0.1',
    '198.19.255.255',
    '198.51.100.7',
    '203.0.113.9',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
  ],
  ['127.1', '2130706433', '0x7f000001', '0x7f.0.0.1', '017700000001', '0177.0.0.1', '127.0.0.01', '1.2.3.999'],
  ['[::1]', '::1', '[::]', '::127.0.0.1', '[::7f00:1]', '::ffff:127.0.0.1', '[::ffff:7f00:1]', '::ffff:8.8.8.8', '0:0:0:0:0:ffff:10.0.0.1'],
  [
    '64:ff9b::127.0.0.1',
    '64:ff9b::7f00:1',
    '64:ff9b:1::1',
    '100::1',
    '2001::1',
    '2001:0:53aa::1',
    '2001:db8::1',
    '2002:7f00:1::',
    'fc00::1',
    'fd12:3456::1',
    'fe80::1',
    'fe80::1%eth0',
  ],
  ['fec0::1', 'ff02::1', '[not:an:address]', '::1::', '1:2:3:4:5:6:7:8:9', 'a_b', 'bad host', 'a..b.com', 'exa mple.com'],
].flat()
const publicHosts = [
  [
    'api.anthropic.com',
    'bedrock-runtime.us-east-1.amazonaws.com',
    'us-east5-aiplatform.googleapis.com',
    'a.services.ai.azure.com',
    'localhost.example.com',
    'internal.example.com',
  ],
  ['8.8.8.8', '1.1.1.1', '100.63.255.255', '100.128.0.1', '172.15.255.255', '172.32.0.1', '192.0.1.1', '198.17.255.255', '198.20.0.1', '223.255.255.255'],
  ['[2606:4700::1111]', '2a00:1450:4001:82a::200e', '2001:4860:4860::8888', '65:ff9b::1'],
].flat()

describe('private hosts', () => {
  it.each(privateHosts)('has "%s" among them', (host) => expect(isPrivateHost(host)).toBe(true))
  it.each(publicHosts)('does not have "%s" among them', (host) => expect(isPrivateHost(host)).toBe(false))
})

describe('the address of an upstream', () => {
  it.each([
    'http://169.254.169.254/latest',
    'https://0x7f.1/',
    'https://[::ffff:127.0.0.1]/',
    'https://2130706433/',
    'https://127.0.0.1.',
    'http://127。0。0。1/',
    'https://ⓛocalhost/',
  ])('is refused at %s, however a private host is spelt', (url) => expect(() => pinnedUrl('x.baseUrl', url, {})).toThrow(ConfigurationError))

  it('may be a private one that is named, and only that, in the clear too', () => {
    expect(pinnedUrl('x', 'http://10.1.2.3:8080/v', { privateHosts: ['10.1.2.3'] }).href).toBe('http://10.1.2.3:8080/v')
    expect(() => pinnedUrl('x', 'http://10.1.2.4/', { privateHosts: ['10.1.2.3'] })).toThrow(/name it/)
  })

  it('is refused in the clear at a public host', () => {
    expect(() => pinnedUrl('x', 'http://models.example.com', {})).toThrow(/https/)
    expect(() => pinnedUrl('x', 'file:///etc/passwd', {})).toThrow(ConfigurationError)
    expect(() => pinnedUrl('x', 'not a url', {})).toThrow(ConfigurationError)
  })
})
