import { toStorableText } from '../../ledger/storable.ts'
import type { RateBook, RateEach, RateLimit, RateUnit } from '../../ports/rate-book.ts'
import { assertEqual } from './assertions.ts'
import type { StoreCase } from './contract.ts'

const start = Date.UTC(2026, 10, 24, 12)

const limit = (id: string, parts: Partial<RateLimit> = {}): RateLimit => ({
  id,
  name: 'Requests of the web team',
  subject: { scope: 'acme/web' },
  each: 'all',
  unit: 'requests',
  amount: 60,
  perMillis: 60_000,
  consistency: 'shared',
  queueMillis: 0,
  createdAt: start,
  version: 1,
  ...parts,
})

/** Texts that have broken a store: quotes, wildcards, NUL, half a character, names that objects know, and one that is long. */
const hostileTexts: readonly string[] = [
  '',
  "it's; drop table limits; --",
  '"quoted" \\ and \\u0000 and %s and ${x}',
  'nul \0 inside',
  'half \uD83D a character',
  '日本語 🎉',
  '__proto__',
  'constructor',
  'a\nb\tc',
  'a%',
  'a_',
  'A',
  'a',
  'a ',
  'long '.repeat(200),
]

const trueOf = (answers: readonly boolean[]): number => answers.filter(Boolean).length

/** Limits as they are kept, and text that is not nice. */
export const limitCases: readonly StoreCase<RateBook>[] = [
  {
    name: 'a limit comes back whole, field by field, and all of them in order of their id',
    check: async (book) => {
      const units: readonly RateUnit[] = ['requests', 'fresh-input-tokens', 'output-tokens', 'nano-usd', 'concurrency', 'sessions']
      const eachOf: readonly RateEach[] = ['all', 'key', 'developer', 'session']
      const kept = [
        ...units.map((unit, index) =>
          limit(`u-${index}`, { unit, amount: 10 ** (2 * index), consistency: (['local', 'shared', 'leased'] as const)[index % 3] ?? 'shared' }),
        ),
        ...eachOf.map((each, index) => limit(`e-${index}`, { each, queueMillis: index * 1_000, perMillis: 86_400_000 })),
        limit('s-1', { subject: { key: 'k1', tag: { name: 'repository', value: 'acme/web' }, model: 'claude-opus-*' } }),
        limit('S-1', { subject: { scope: 'acme', key: 'k1', tag: { name: 'team', value: 'web' }, model: 'claude-opus-5-5' } }),
        limit('\u{1F389}'),
        limit('\uFFFD'),
      ]
      for (const one of kept.toReversed()) assertEqual(await book.define(one), true, `defining ${one.id}`)
      const ids = ['S-1', 'e-0', 'e-1', 'e-2', 'e-3', 's-1', 'u-0', 'u-1', 'u-2', 'u-3', 'u-4', 'u-5', '\uFFFD', '\u{1F389}']
      assertEqual(
        await book.limits(),
        ids.map((id) => kept.find((one) => one.id === id)),
        'the limits',
      )
    },
  },
  {
    name: 'a limit is kept only where its version follows the one that is kept',
    check: async (book) => {
      assertEqual(await book.define(limit('v', { version: 2 })), false, 'a second version without a first')
      assertEqual(await book.define(limit('v')), true, 'the first')
      assertEqual(await book.define(limit('v', { amount: 1 })), false, 'the first again')
      assertEqual(await book.define(limit('v', { amount: 2, version: 3 })), false, 'one too far')
      assertEqual(await book.define(limit('v', { amount: 3, subject: { key: 'k' }, version: 2 })), true, 'the second')
      assertEqual(await book.limits(), [limit('v', { amount: 3, subject: { key: 'k' }, version: 2 })], 'what is kept')
    },
  },
  {
    name: 'of fifty callers racing to keep one version exactly one does, and it is that one which is kept',
    check: async (book) => {
      for (const version of [1, 2]) {
        const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => book.define(limit('raced', { amount: index + 1, version }))))
        assertEqual(trueOf(answers), 1, `callers told that version ${version} is theirs`)
        assertEqual(await book.limits(), [limit('raced', { amount: answers.indexOf(true) + 1, version })], 'what is kept')
      }
    },
  },
  {
    name: 'of callers racing to remove a limit exactly one is told so, and its id begins anew',
    check: async (book) => {
      await book.define(limit('gone'))
      await book.define(limit('gone', { version: 2 }))
      await book.define(limit('stays'))
      assertEqual(trueOf(await Promise.all(Array.from({ length: 20 }, () => book.remove('gone')))), 1, 'callers told that they removed it')
      assertEqual(await book.remove('never there'), false, 'removing what is not there')
      assertEqual(await book.define(limit('gone', { version: 3 })), false, 'the version after the removed one')
      assertEqual(await book.define(limit('gone')), true, 'the first version')
      assertEqual(
        (await book.limits()).map(({ id }) => id),
        ['gone', 'stays'],
        'what is kept',
      )
    },
  },
  {
    name: 'changing a limit after it was defined, or one that was returned, changes nothing that is kept',
    check: async (book) => {
      const mine = limit('alias', { subject: { tag: { name: 'team', value: 'web' } } })
      const expected = structuredClone(mine)
      await book.define(mine)
      for (const victim of [mine, (await book.limits())[0] as RateLimit]) {
        Reflect.set(victim, 'amount', -1)
        Reflect.set(victim.subject.tag ?? {}, 'value', 'vandalised')
      }
      assertEqual(await book.limits(), [expected], 'what is kept')
    },
  },
  {
    name: 'hostile text is kept as storable text, and harms neither its own limit nor another',
    check: async (book) => {
      const limits = hostileTexts.map((text, index) =>
        limit(`h-${String(index).padStart(2, '0')}`, { name: text, subject: { tag: { name: text, value: text } } }),
      )
      assertEqual(trueOf(await Promise.all(limits.map((one) => book.define(one)))), limits.length, 'limits defined')
      assertEqual(
        (await book.limits()).map(({ name, subject }) => [name, subject.tag?.name, subject.tag?.value]),
        hostileTexts.map((text) => [toStorableText(text), toStorableText(text), toStorableText(text)]),
        'names and tags',
      )
    },
  },
  {
    name: 'buckets, rooms and holders may be called anything, and are told apart by every letter',
    check: async (book) => {
      for (const bucket of hostileTexts) {
        await book.charge([{ bucket, amount: 3, capacity: 10, perMillis: 1_000 }], start)
        const [result] = await book.take([{ bucket, amount: 1, capacity: 10, perMillis: 1_000 }], start)
        assertEqual(result, { isAllowed: true, remaining: 6, retryAfterMillis: 0 }, `bucket ${JSON.stringify(bucket.slice(0, 40))}`)
      }
      const expiresAt = start + 60_000
      for (const name of hostileTexts) {
        const what = JSON.stringify(name.slice(0, 40))
        assertEqual(await book.enter([{ room: name, holder: 'first', places: 1, expiresAt }], start), undefined, `the room ${what}`)
        assertEqual(await book.enter([{ room: name, holder: 'second', places: 1, expiresAt }], start), 0, `the room ${what}, full`)
        assertEqual(await book.enter([{ room: 'theirs', holder: name, places: hostileTexts.length, expiresAt }], start), undefined, `the holder ${what}`)
      }
      assertEqual(await book.enter([{ room: 'theirs', holder: 'one too many', places: hostileTexts.length, expiresAt }], start), 0, 'one more holder')
      await book.leave(
        hostileTexts.flatMap((name) => [
          { room: name, holder: 'first' },
          { room: 'theirs', holder: name },
        ]),
      )
      for (const name of hostileTexts) {
        assertEqual(
          await book.enter([{ room: name, holder: 'second', places: 1, expiresAt }], start),
          undefined,
          `the room ${JSON.stringify(name.slice(0, 40))}, left`,
        )
      }
      assertEqual(await book.enter([{ room: 'theirs', holder: 'alone', places: 1, expiresAt }], start), undefined, 'the room of all holders, left')
    },
  },
]
