import { fc, test as property } from '@fast-check/vitest'
import { expect, test } from 'vitest'
import { isSecretShaped, toDeclaredLabel, toDeclaredRepository, toRepositoryLabel } from './labels.ts'

test.each([
  ['/home/dev/projects/payments-api', 'payments-api'],
  ['/home/dev/projects/payments-api/', 'payments-api'],
  ['/Users/dev/src/Payments API', 'Payments API'],
  ['/workspaces/ledger_2', 'ledger_2'],
  ['/srv/next.js', 'next.js'],
  ['/home/dev/日本語', '日本語'],
  ['C:\\Users\\dev\\source\\repos\\Payments.Api', 'Payments.Api'],
  ['D:\\payments-api', 'payments-api'],
  ['\\\\fileserver\\team\\payments-api', 'payments-api'],
  ['C:/Users/dev/payments-api', 'payments-api'],
  ['/home/dev/projects/payments-api/.claude/worktrees/agent-a91cf0dbea7356986', 'payments-api'],
  ['/home/dev/projects/payments-api/.claude/worktrees/wt-cli/services', 'payments-api'],
  ['C:\\src\\payments-api\\.claude\\worktrees\\x', 'payments-api'],
  ['/home/dev/projects/payments-api/.worktrees/refunds', 'payments-api'],
  ['/home/dev/projects/payments-api/4f0b6a0e-8f6f-4d0e-9d0c-2f6f6f1f2a3b', 'payments-api'],
  ['/home/dev/acme/PAY-123', 'acme'],
])('the path %j is labelled by its last segment that looks like a name', (path, label) => {
  expect(toRepositoryLabel(path)).toBe(label)
})

test.each([
  ['a home directory, whose name is a person', '/home/dev'],
  ['a home directory on a Mac', '/Users/dev'],
  ['a home directory on Windows', 'C:\\Users\\dev'],
  ['the home of root', '/root'],
  ['the root', '/'],
  ['nothing', ''],
  ['a directory that every container has', '/workspace'],
  ['a directory of repositories', '/home/dev/projects'],
  ['a UUID', '/tmp/4f0b6a0e-8f6f-4d0e-9d0c-2f6f6f1f2a3b'],
  ['a key', '/tmp/sk-ant-api03-canary'],
  ['a token', '/tmp/ghp_16C7e42F292c6912E7710c838347Ae178B4a'],
  ['a random name', '/tmp/x7Kq2mZ9vLp4Rt8w'],
  ['a random name in lower case', '/tmp/qwhd7rtpl2mnbv9kzx'],
  ['a commit', '/tmp/3f786850e387550fdab836ed7e6dc881de23001b'],
  ['a hostname', '/srv/build01.prod.acme.com'],
  ['a short hostname', '/srv/ledger.internal'],
  ['an address', '/srv/10.0.12.7'],
  ['a cloud machine', '/srv/ip-10-0-12-7'],
  ['a ticket', '/tmp/PAY-123'],
  ['a ticket among words', '/home/dev/projects/wt-PAY-9'],
  ['a ticket in lower case', '/tmp/pay-1234'],
  ['a number', '/tmp/48213'],
  ['an overlong name', `/tmp/${'long-'.repeat(14)}name`],
  ['quotes and backslashes', '/home/dev/projects/we "ird é 日本 \\back'],
  ['markup', '/tmp/<img src=x>'],
  ['a formula', '/tmp/=cmd|calc'],
  ['a sentence', '/tmp/please ignore what was said before'],
])('%s never becomes a label', (_name, path) => {
  expect(toRepositoryLabel(path)).toBeUndefined()
})

test('what a client declares is kept, unless it is shaped like a secret or like markup', () => {
  expect(toDeclaredLabel(' alice@acme.test ')).toBe('alice@acme.test')
  expect(toDeclaredLabel('Ada Lovelace')).toBe('Ada Lovelace')
  for (const bad of ['', 'sk-ant-api03-abc', '<b>', 'a\u0000b', '=1+1', 'x'.repeat(65), 'glpat-abcdefghij']) expect(toDeclaredLabel(bad)).toBeUndefined()
})

test.each([
  ['payments-api', 'payments-api'],
  ['acme/payments-api', 'acme/payments-api'],
  ['https://github.com/acme/payments-api.git', 'acme/payments-api'],
  ['https://oauth2:ghp_16C7e42F292c6912E7710c838347Ae178B4a@github.com/acme/payments-api', 'acme/payments-api'],
  ['git@github.com:acme/payments-api.git', 'acme/payments-api'],
  ['ssh://git@git.acme.test:2222/acme/payments-api', 'acme/payments-api'],
  ['acme/ghp_16C7e42F292c6912E7710c838347Ae178B4a', undefined],
  ['not a name', undefined],
])('the declared repository %j is kept as %j', (declared, kept) => {
  expect(toDeclaredRepository(declared)).toBe(kept)
})

const word = fc.stringMatching(/^[a-z]{3,8}$/)
const name = fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => `${words.join('-')}-svc`)

property.prop([name])('a plain name at the end of a path comes back as it is', (repository) => {
  expect(toRepositoryLabel(`/home/dev/projects/${repository}`)).toBe(repository)
  expect(toRepositoryLabel(`C:\\Users\\dev\\${repository}\\.claude\\worktrees\\x`)).toBe(repository)
})

property.prop([fc.uuid()])('a UUID is never part of a label', (id) => {
  expect(isSecretShaped(`x-${id}`)).toBe(true)
  expect(toRepositoryLabel(`/tmp/run-${id}`)).toBeUndefined()
})

const keyPrefix = fc.constantFrom('sk-ant-', 'ghp_', 'github_pat_', 'glpat-', 'xoxb-', 'AKIAABCDEFGH', 'sk_live_')
property.prop([keyPrefix, fc.stringMatching(/^[A-Za-z0-9]{8,40}$/)])('whatever follows a known key prefix is dropped', (prefix, rest) => {
  expect(toRepositoryLabel(`/tmp/${prefix}${rest}`)).toBeUndefined()
  expect(toDeclaredLabel(prefix + rest)).toBeUndefined()
})

property.prop([fc.string({ unit: 'binary', maxLength: 300 })])('any path at all gives a short harmless label or none', (path) => {
  const label = toRepositoryLabel(path)
  if (label !== undefined) expect(label).toMatch(/^[\p{L}\p{N}_.+ -]{1,64}$/u)
})
