import { toStorableText } from '../../ledger/storable.ts'
import type { PolicyPublication, PolicyPublish, PolicyShelf } from '../../ports/policy-shelf.ts'
import { assertEqual } from './assertions.ts'
import type { StoreCase } from './contract.ts'
import { callers, hostileTexts, sampleInstant, vandalise } from './key-ring-samples.ts'

/** A version as text: 16 hex digits that stand for a hash, since a shelf computes none. */
export const versionOf = (number: number): string => number.toString(16).padStart(16, '0')

const racers: readonly number[] = Array.from({ length: callers }, (_, index) => index)

/** What publishes version `number`. */
export function samplePublish(number: number, expected: number | undefined, parts: Partial<PolicyPublish> = {}): PolicyPublish {
  return {
    version: versionOf(number),
    document: `{"number":${number}}`,
    expected: expected === undefined ? undefined : versionOf(expected),
    at: sampleInstant + number,
    actor: `publisher ${number}`,
    ...parts,
  }
}

/** The publication that a sample becomes. */
function published(sequence: number, { version, expected, at, actor, reason }: PolicyPublish): PolicyPublication {
  return { sequence, version, at, actor, ...(expected !== undefined && { previousVersion: expected }), ...(reason !== undefined && { reason }) }
}

/** Publishes 1 to `last`, one after the other. */
export async function publishUpTo(shelf: PolicyShelf, last: number): Promise<readonly PolicyPublication[]> {
  const publications: PolicyPublication[] = []
  for (let number = 1; number <= last; number += 1) {
    const publish = samplePublish(number, number === 1 ? undefined : number - 1)
    const expected = published(number, publish)
    assertEqual(await shelf.publish(publish), { kind: 'published', current: expected }, `publish of ${number}`)
    publications.push(expected)
  }
  return publications
}

async function sequences(shelf: PolicyShelf, query: Parameters<PolicyShelf['history']>[0]): Promise<readonly number[]> {
  return (await shelf.history(query)).map(({ sequence }) => sequence)
}

/** How policies come into force, and are found. */
export const policyShelfCases: readonly StoreCase<PolicyShelf>[] = [
  {
    name: 'a shelf begins empty; what is published is in force, whole, and found by its version from then on',
    check: async (shelf) => {
      assertEqual([await shelf.current(), await shelf.version(versionOf(1)), await shelf.history({})], [undefined, undefined, []], 'an empty shelf')
      const large = samplePublish(1, undefined, { document: JSON.stringify({ text: 'é😀x'.repeat(30_000) }), reason: 'because' })
      const { version, document } = large
      assertEqual(await shelf.publish(large), { kind: 'published', current: published(1, large) }, 'publish')
      assertEqual(await shelf.current(), { version, document }, 'current')
      const second = samplePublish(2, 1)
      await shelf.publish(second)
      assertEqual(await shelf.version(version), { version, document }, 'the version before')
      assertEqual(await shelf.current(), { version: second.version, document: second.document }, 'current')
      assertEqual(await shelf.version(versionOf(3)), undefined, 'a version that never was')
      assertEqual(await shelf.history({}), [published(2, second), published(1, large)], 'history')
    },
  },
  {
    name: 'nothing is published on another version than the expected one: on none, on an old one, or where none is in force',
    check: async (shelf) => {
      assertEqual(await shelf.publish(samplePublish(1, 7)), { kind: 'conflict', current: undefined }, 'publish on an empty shelf')
      assertEqual([await shelf.current(), await shelf.version(versionOf(1)), await shelf.history({})], [undefined, undefined, []], 'the shelf')
      const [, second] = await publishUpTo(shelf, 2)
      for (const expected of [undefined, 1, 3])
        assertEqual(await shelf.publish(samplePublish(9, expected)), { kind: 'conflict', current: second }, `publish that expects ${expected}`)
      assertEqual(await shelf.version(versionOf(9)), undefined, 'the version that was turned away')
      assertEqual(await sequences(shelf, {}), [2, 1], 'history')
    },
  },
  {
    name: 'of fifty racing publishers exactly one wins, and its document is the one in force',
    check: async (shelf) => {
      await publishUpTo(shelf, 1)
      const results = await Promise.all(racers.map((caller) => shelf.publish(samplePublish(100 + caller, 1))))
      const winners = racers.filter((caller) => results[caller]?.kind === 'published')
      assertEqual(winners.length, 1, 'publishers that won')
      const [winner = -1] = winners
      const current = results[winner]?.current
      assertEqual(
        results,
        racers.map((caller) => ({ kind: caller === winner ? 'published' : 'conflict', current })),
        'what each was told',
      )
      assertEqual((await shelf.current())?.document, `{"number":${100 + winner}}`, 'the document in force')
      assertEqual(await sequences(shelf, {}), [2, 1], 'history')
    },
  },
  {
    name: 'of fifty racing to publish the first policy exactly one wins',
    check: async (shelf) => {
      const results = await Promise.all(racers.map((caller) => shelf.publish(samplePublish(100 + caller, undefined))))
      assertEqual(results.filter(({ kind }) => kind === 'published').length, 1, 'publishers that won')
      assertEqual(await sequences(shelf, {}), [1], 'history')
    },
  },
  {
    name: 'publishing what is in force changes nothing, whatever was expected: a publication may be repeated, and fifty that race with one document make one entry',
    check: async (shelf) => {
      const [, second] = await publishUpTo(shelf, 2)
      for (const expected of [undefined, 1, 2])
        assertEqual(
          await shelf.publish(samplePublish(2, expected, { at: 1, actor: 'again' })),
          { kind: 'unchanged', current: second },
          `again, expecting ${expected}`,
        )
      const results = await Promise.all(racers.map((caller) => shelf.publish(samplePublish(3, 2, { actor: `publisher ${caller}` }))))
      assertEqual(
        results.map(({ kind }) => kind).toSorted(),
        racers.map((caller) => (caller === 0 ? 'published' : 'unchanged')),
        'what fifty were told',
      )
      assertEqual(await sequences(shelf, {}), [3, 2, 1], 'history')
    },
  },
  {
    name: 'an old version can be published again: a rollback is an entry like any other, and the text of a version stays the first one',
    check: async (shelf) => {
      await publishUpTo(shelf, 2)
      const rollback = samplePublish(1, 2, { document: '{"number":"other"}', reason: 'roll back' })
      assertEqual(await shelf.publish(rollback), { kind: 'published', current: published(3, rollback) }, 'rollback')
      const first = { version: versionOf(1), document: '{"number":1}' }
      assertEqual([await shelf.current(), await shelf.version(versionOf(1))], [first, first], 'the document in force')
      assertEqual((await shelf.version(versionOf(2)))?.document, '{"number":2}', 'the version rolled back from')
      assertEqual(await shelf.publish(samplePublish(4, 2)), { kind: 'conflict', current: published(3, rollback) }, 'publish on what was rolled back')
      assertEqual((await shelf.publish(samplePublish(4, 1))).kind, 'published', 'publish on the rollback')
    },
  },
  {
    name: 'history is read newest first, before a sequence, at most as many as asked for, and a hundred unless said',
    check: async (shelf) => {
      await publishUpTo(shelf, 103)
      const down = (from: number, number: number): readonly number[] => Array.from({ length: number }, (_, index) => from - index)
      assertEqual(await sequences(shelf, {}), down(103, 100), 'all')
      assertEqual(await sequences(shelf, { limit: 3 }), [103, 102, 101], 'limit 3')
      assertEqual(await sequences(shelf, { before: 101, limit: 2 }), [100, 99], 'before 101')
      assertEqual(await sequences(shelf, { before: 3 }), [2, 1], 'before 3')
      assertEqual(await sequences(shelf, { before: 1 }), [], 'before 1')
      assertEqual(await sequences(shelf, { limit: 0 }), [], 'limit 0')
    },
  },
  {
    name: 'any text of actor and reason is kept, well-formed',
    check: async (shelf) => {
      for (const [index, text] of hostileTexts.entries()) {
        await shelf.publish(samplePublish(index + 1, index === 0 ? undefined : index, { actor: text, reason: text }))
        const [newest] = await shelf.history({ limit: 1 })
        assertEqual([newest?.actor, newest?.reason], [toStorableText(text), toStorableText(text)], JSON.stringify(text))
      }
    },
  },
  {
    name: 'changing what was published or returned changes nothing that is kept',
    check: async (shelf) => {
      const publish = { ...samplePublish(1, undefined) }
      const expected = published(1, publish)
      const result = await shelf.publish(publish)
      vandalise(publish)
      for (const returned of [result, await shelf.current()]) if (returned !== undefined) vandalise(returned)
      for (const publication of await shelf.history({})) vandalise(publication)
      assertEqual([await shelf.current(), await shelf.history({})], [{ version: versionOf(1), document: '{"number":1}' }, [expected]], 'the shelf')
    },
  },
]
