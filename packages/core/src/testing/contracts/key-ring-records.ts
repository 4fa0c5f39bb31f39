import { toStorable } from '../../ledger/storable.ts'
import type { KeyQuery, KeyRecord, KeyRing } from '../../ports/key-ring.ts'
import { assertEqual } from './assertions.ts'
import type { StoreCase } from './contract.ts'
import { callers, confusableNames, hostileTexts, namesInOrder, sampleInstant, sampleKey, sampleSecret, turns, vandalise } from './key-ring-samples.ts'

const fullKey: KeyRecord = {
  id: 'full0001',
  name: 'laptop of Ada',
  developer: 'ada@example.com',
  scope: 'acme/retail/web/cc-1234/ada',
  tags: { team: 'web', '': 'empty name' },
  restrictions: { models: ['claude-opus-5-5', 'claude-haiku-*'], upstreams: ['anthropic'], budgets: ['b1', 'b2'], networks: ['10.0.0.0/8', '2001:db8::/32'] },
  createdAt: sampleInstant,
  expiresAt: sampleInstant + 86_400_000,
  secrets: [
    { hash: 'older', createdAt: sampleInstant, expiresAt: sampleInstant + 60_000 },
    { hash: 'newer', createdAt: sampleInstant + 1 },
  ],
  revocation: { at: sampleInstant + 2, reason: 'left the company', isLeaked: false },
}

async function ids(ring: KeyRing, query: KeyQuery): Promise<readonly string[]> {
  return (await ring.list(query)).map(({ id }) => id)
}

/** How keys get in, and are found again. */
export const keyRecordCases: readonly StoreCase<KeyRing>[] = [
  {
    name: 'a key comes back whole, field by field, by its id and in a list',
    check: async (ring) => {
      const plain = sampleKey({ id: 'plain001' })
      for (const record of [fullKey, plain]) assertEqual(await ring.issue(record), true, `issue of ${record.id}`)
      for (const record of [fullKey, plain]) assertEqual(await ring.find(record.id), record, record.id)
      assertEqual(await ring.list({}), [fullKey, plain], 'the list')
    },
  },
  {
    name: 'issuing an id again is refused and changes nothing, also once the key is revoked',
    check: async (ring) => {
      const record = sampleKey({ id: 'again001' })
      assertEqual(await ring.issue(record), true, 'the first')
      assertEqual(await ring.issue(record), false, 'the same once more')
      assertEqual(await ring.issue(sampleKey({ id: 'again001', scope: 'other' })), false, 'another of that id')
      assertEqual(await ring.find('again001'), record, 'what is kept')
      const revoked = await ring.revoke('again001', { at: sampleInstant, reason: 'lost', isLeaked: true })
      assertEqual(await ring.issue(record), false, 'the same after a revocation')
      assertEqual(await ring.find('again001'), revoked, 'what is kept after a revocation')
    },
  },
  {
    name: 'of fifty callers racing to issue one id exactly one is told so, and its key is the one kept',
    check: async (ring) => {
      const racing = Array.from({ length: callers }, (_, index) =>
        sampleKey({ id: 'raced001', name: `caller ${index}`, secrets: [sampleSecret(`secret ${index}`)] }),
      )
      const answers = await Promise.all(racing.map((record) => ring.issue(record)))
      assertEqual(answers.filter(Boolean).length, 1, 'callers told that they issued it')
      assertEqual(await ring.find('raced001'), racing[answers.indexOf(true)], 'the key kept, against the one that was told so')
    },
  },
  {
    name: 'the key that the first caller to be done has issued stays, however many come right behind',
    check: async (ring) => {
      const seen = await Promise.all(
        Array.from({ length: callers }, async (_, index) => {
          await turns(index)
          await ring.issue(sampleKey({ id: 'raced002', name: `caller ${index}` }))
          return (await ring.find('raced002'))?.name
        }),
      )
      assertEqual(new Set(seen).size, 1, `keys seen by ${callers} callers, each right after its own try (${[...new Set(seen)].join(', ')})`)
    },
  },
  {
    name: 'an id is found as it stands: neither another case, nor a pattern, nor an unknown or hostile one finds a key',
    check: async (ring) => {
      await ring.issue(sampleKey({ id: 'Exact_01' }))
      for (const id of ['exact_01', 'EXACT_01', 'Exact%01', 'ExactX01', 'Exact_0', 'Exact_01 ', '%', '', ...hostileTexts]) {
        assertEqual(await ring.find(id), undefined, `found by ${JSON.stringify(id.slice(0, 40))}`)
        assertEqual(await ring.rotate({ id, secret: sampleSecret('no'), overlapUntil: 0 }), undefined, `rotated by ${JSON.stringify(id.slice(0, 40))}`)
        assertEqual(await ring.revoke(id, { at: 0, reason: '', isLeaked: false }), undefined, `revoked by ${JSON.stringify(id.slice(0, 40))}`)
      }
      assertEqual((await ring.find('Exact_01'))?.revocation, undefined, 'revocation of the key')
    },
  },
  {
    name: 'keys are listed in order of their id by code point, after a given one, at most as many as asked for',
    check: async (ring) => {
      for (const name of [...namesInOrder].toReversed()) await ring.issue(sampleKey({ id: name }))
      assertEqual(await ids(ring, {}), namesInOrder, 'all of them')
      assertEqual(await ids(ring, { limit: 3 }), namesInOrder.slice(0, 3), 'three of them')
      assertEqual(await ids(ring, { limit: 0 }), [], 'none of them')
      for (const [index, after] of namesInOrder.entries())
        assertEqual(await ids(ring, { after, limit: 2 }), namesInOrder.slice(index + 1, index + 3), `after "${after}"`)
      assertEqual(await ids(ring, { after: 'Y' }), namesInOrder.slice(5), 'after an id that is not there')
    },
  },
  {
    name: 'a list without a limit has a hundred keys, and page by page every key comes once',
    check: async (ring) => {
      await Promise.all(Array.from({ length: 205 }, (_, index) => ring.issue(sampleKey({ id: `page${String(index).padStart(4, '0')}` }))))
      const pages: string[][] = []
      for (let after: string | undefined; ;) {
        const page = await ids(ring, after === undefined ? {} : { after })
        if (page.length === 0) break
        pages.push([...page])
        after = page.at(-1)
      }
      assertEqual(
        pages.map(({ length }) => length),
        [100, 100, 5],
        'keys a page',
      )
      assertEqual(new Set(pages.flat()).size, 205, 'keys in all pages')
    },
  },
  {
    name: 'a list under a scope has its keys and those of everything below it, and of no scope that only looks like it',
    check: async (ring) => {
      for (const [asked, ...others] of confusableNames) {
        const wanted = [asked, `${asked}/b`, `${asked}/b/c`].map((scope) => sampleKey({ scope }))
        const unwanted = others.flatMap((other) => [other, `${other}/b`]).map((scope) => sampleKey({ scope }))
        for (const record of [...wanted, ...unwanted]) await ring.issue(record)
        assertEqual(
          await ids(ring, { under: asked }),
          wanted.map(({ id }) => id),
          `under ${asked}`,
        )
        assertEqual(
          await ids(ring, { under: `${asked}/b` }),
          wanted.slice(1).map(({ id }) => id),
          `under ${asked}/b`,
        )
        assertEqual(await ids(ring, { under: asked, after: wanted[0]?.id ?? '', limit: 1 }), [wanted[1]?.id], `under ${asked}, the second`)
      }
      for (const under of ['', '%', 'nowhere']) assertEqual(await ids(ring, { under: `${under}/` }), [], `under "${under}/"`)
    },
  },
  {
    name: 'hostile text in a key survives; NUL and lone surrogates become U+FFFD, in what is kept and in what is looked for',
    check: async (ring) => {
      for (const [index, text] of hostileTexts.entries()) {
        const restrictions = { models: [text], upstreams: [text], budgets: [text, text], networks: [text] }
        const record = sampleKey({
          id: `text${String(index).padStart(4, '0')}`,
          name: text,
          developer: text,
          scope: `s${index}/${text}`,
          tags: { [text]: text },
          restrictions,
        })
        assertEqual(await ring.issue(record), true, 'issue')
        assertEqual(await ring.find(record.id), toStorable(record), `text ${JSON.stringify(text.slice(0, 40))}`)
        assertEqual(await ids(ring, { under: `s${index}/${text}` }), [record.id], `under ${JSON.stringify(text.slice(0, 40))}`)
        const revoked = await ring.revoke(record.id, { at: sampleInstant, reason: text, isLeaked: false })
        assertEqual(revoked?.revocation?.reason, toStorable(text), 'the reason')
      }
    },
  },
  {
    name: 'tags of a key named like members of a prototype are tags like any other',
    check: async (ring) => {
      const tags = JSON.parse('{"__proto__":"a","constructor":"b","toString":"c"}') as Record<string, string>
      const record = sampleKey({ tags })
      await ring.issue(record)
      assertEqual(await ring.find(record.id), record, 'the key')
    },
  },
  {
    name: 'changing a key after it was issued, or one that was returned, changes nothing that is kept',
    check: async (ring) => {
      const record = structuredClone(fullKey)
      await ring.issue(record)
      vandalise(record)
      const returned = [await ring.find(fullKey.id), ...(await ring.list({}))]
      for (const found of returned) assertEqual(found, fullKey, 'the key, after the caller changed its own')
      for (const found of returned) vandalise(found as KeyRecord)
      assertEqual(await ring.find(fullKey.id), fullKey, 'the key, after a returned one was changed')
    },
  },
]
