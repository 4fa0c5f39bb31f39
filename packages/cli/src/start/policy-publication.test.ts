import type { PolicyShelf } from '@sluice/core'
import { publishPolicy, recommendedPolicy, toPolicyDocument, type Policy } from '@sluice/core/policy'
import { memoryAuditLog, memoryPolicyShelf } from '@sluice/storage-memory'
import { expect, test } from 'vitest'
import type { GivenPolicy } from './given-policy.ts'
import { publicationNotice, publicationText, publishGiven, type PublicationDesk } from './policy-publication.ts'

const now = (): number => Date.UTC(2026, 10, 24, 12)
const keep: Policy = { version: 1, rules: ['keep'] }
const other: Policy = { version: 1, rules: ['when kind is title use claude-haiku-5-5'] }
const desk = (shelf: PolicyShelf = memoryPolicyShelf()): PublicationDesk => ({ shelf, audit: memoryAuditLog(), now })
const given = (policy: Policy): GivenPolicy => ({ origin: '--policy routing.json', path: '/etc/routing.json', policy })
const versionOf = async (policy: Policy): Promise<string> => (await toPolicyDocument(policy)).version

test('an empty shelf gets the policy that was given, by the actor start, and the audit log says so', async () => {
  const at = desk()
  expect(await publishGiven(at, undefined)).toEqual({ kind: 'none', current: undefined })
  const published = await publishGiven(at, given(keep))
  expect(published).toMatchObject({
    kind: 'published',
    current: { actor: 'start', sequence: 1, reason: '--policy routing.json', version: await versionOf(keep) },
  })
  expect(await at.audit.read({})).toMatchObject([{ actor: 'start', action: 'policy.publish', subject: 'policy', reason: '--policy routing.json' }])
})

test('a start with the same policy changes nothing, and one with another takes the place of what a start has published', async () => {
  const at = desk()
  await publishGiven(at, given(keep))
  expect((await publishGiven(at, given(keep))).kind).toBe('unchanged')
  expect((await publishGiven(at, undefined)).kind).toBe('unchanged')
  expect(await publishGiven(at, given(other))).toMatchObject({ kind: 'published', current: { sequence: 2, previousVersion: await versionOf(keep) } })
  expect(await at.audit.read({})).toHaveLength(2)
})

test('what a person has published since stays in force, and the operator is told how to change that', async () => {
  const at = desk()
  await publishGiven(at, given(keep))
  await publishPolicy({ shelf: at.shelf, policy: recommendedPolicy, expected: await versionOf(keep), at: now(), actor: 'ada' })
  const kept = await publishGiven(at, given(other))
  expect(kept).toMatchObject({ kind: 'kept', current: { actor: 'ada' } })
  expect((await at.shelf.current())?.version).toBe(await versionOf(recommendedPolicy))
  expect(publicationNotice(kept, given(other))).toBe(
    `--policy routing.json is not in force: policy ${await versionOf(recommendedPolicy)} (published by ada, 2026-11-24 12:00 UTC) is, and was not published by a start. To put yours in its place, publish it: sluice policy publish /etc/routing.json`,
  )
  expect(publicationNotice(await publishGiven(at, given(recommendedPolicy)), given(recommendedPolicy))).toBeUndefined()
})

test('gateways that start together publish once each at most, and one that comes in between is seen', async () => {
  const shelf = memoryPolicyShelf()
  const results = await Promise.all(Array.from({ length: 20 }, () => publishGiven(desk(shelf), given(keep))))
  expect(results.map(({ kind }) => kind).toSorted()).toEqual(['published', ...Array.from({ length: 19 }, () => 'unchanged')])
  let isFirst = true
  const raced: PolicyShelf = {
    ...shelf,
    publish: async (publish) => {
      if (isFirst) {
        isFirst = false
        await publishPolicy({ shelf, policy: recommendedPolicy, expected: publish.expected, at: now(), actor: 'ada' })
      }
      return shelf.publish(publish)
    },
  }
  expect((await publishGiven(desk(raced), given(other))).kind).toBe('kept')
})

test('a publication is told with its author and its time', async () => {
  const { current } = await publishGiven(desk(), given(keep))
  expect(current && publicationText(current)).toBe(`${await versionOf(keep)} (from --policy routing.json, 2026-11-24 12:00 UTC)`)
})
