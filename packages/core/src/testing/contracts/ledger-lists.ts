import { toStorableEntry, toStorableText } from '../../ledger/storable.ts'
import type { ExchangeQuery, Ledger } from '../../ports/ledger.ts'
import { sampleEntry } from '../sample-entry.ts'
import { assertEqual } from './assertions.ts'
import type { StoreCase } from './contract.ts'

async function ids(ledger: Ledger, query: ExchangeQuery): Promise<readonly string[]> {
  return (await ledger.exchanges(query)).map(({ exchangeId }) => exchangeId)
}

const hostileTexts: readonly string[] = [
  'nul \0 inside',
  '\0',
  'lone high \ud83d surrogate',
  '\udc00 lone low',
  'family 👩‍👩‍👧 and flag 🇪🇺',
  `quotes ' " \` '' "" \\' \\"`,
  "'; drop table entries; --",
  '%_*?[a-z] like',
  '$1 ${value} {{value}} :name @name',
  'lines\r\n\t\u2028\u2029 and \u0007 controls',
  'null',
  '{"json":true}',
  'é as one, e\u0301 as two',
  'trailing space ',
  'l'.repeat(5_000),
]

/** Finding exchanges again, and what becomes of their text. */
export const listCases: readonly StoreCase<Ledger>[] = [
  {
    name: 'exchanges are listed newest first, whatever order they were appended in, at most as many as asked for',
    check: async (ledger) => {
      const start = Date.UTC(2026, 10, 24)
      for (const offset of [3, 1, 4, 0, 2]) await ledger.append(sampleEntry({ exchangeId: `ex_${offset}`, startedAt: start + offset }))
      await ledger.append(sampleEntry({ exchangeId: 'ex_2b', startedAt: start + 2 }))
      assertEqual(await ids(ledger, {}), ['ex_4', 'ex_3', 'ex_2b', 'ex_2', 'ex_1', 'ex_0'], 'all of them, of one instant the later id first')
      assertEqual(await ids(ledger, { limit: 2 }), ['ex_4', 'ex_3'], 'two of them')
      assertEqual(await ids(ledger, { limit: 0 }), [], 'none of them')
      assertEqual(await ids(ledger, { since: start + 1, until: start + 3 }), ['ex_2b', 'ex_2', 'ex_1'], 'from since on, not at until')
    },
  },
  {
    name: 'a list without a limit has a hundred',
    check: async (ledger) => {
      await Promise.all(Array.from({ length: 101 }, () => ledger.append(sampleEntry())))
      assertEqual((await ledger.exchanges({})).length, 100, 'exchanges listed')
      assertEqual((await ledger.exchanges({ limit: 1_000 })).length, 101, 'exchanges listed with room for all')
    },
  },
  {
    name: 'an exchange is found by its own id, by the upstream request id, and by the message id',
    check: async (ledger) => {
      await ledger.append(sampleEntry({ exchangeId: 'ex_a', upstreamRequestId: 'req_a', messageId: 'msg_a' }))
      await ledger.append(sampleEntry({ exchangeId: 'ex_b', upstreamRequestId: 'req_b', messageId: 'msg_b' }))
      for (const id of ['ex_a', 'req_a', 'msg_a']) assertEqual(await ids(ledger, { id }), ['ex_a'], `found by "${id}"`)
      for (const id of ['ex_', 'EX_A', 'ex_a ', '%', '']) assertEqual(await ids(ledger, { id }), [], `found by "${id}"`)
    },
  },
  {
    name: "a session's exchanges are listed without anyone else's, and conditions combine",
    check: async (ledger) => {
      const startedAt = Date.UTC(2026, 10, 24)
      await ledger.append(sampleEntry({ exchangeId: 'ex_mine', startedAt, labels: { session: 's1' } }))
      await ledger.append(sampleEntry({ exchangeId: 'ex_later', startedAt: startedAt + 1, labels: { session: 's1' } }))
      await ledger.append(sampleEntry({ exchangeId: 'ex_other', startedAt, labels: { session: 's2' } }))
      await ledger.append(sampleEntry({ exchangeId: 'ex_none', startedAt }))
      assertEqual(await ids(ledger, { session: 's1' }), ['ex_later', 'ex_mine'], "the session's")
      assertEqual(await ids(ledger, { session: 's1', until: startedAt + 1 }), ['ex_mine'], 'the session, until')
      assertEqual(await ids(ledger, { session: 's2', id: 'ex_mine' }), [], "an id with another's session")
    },
  },
  {
    name: 'hostile text survives; NUL and lone surrogates become U+FFFD, in what is kept and in what is looked for',
    check: async (ledger) => {
      for (const [index, text] of hostileTexts.entries()) {
        const labels = { session: text, developer: text, repository: text, agent: text, tags: { [text]: text } }
        const entry = sampleEntry({ exchangeId: `ex_text_${index}`, labels, upstreamRequestId: `req ${text}`, requestedModel: text, parts: [{ model: text }] })
        await ledger.append(entry)
        const what = `text ${JSON.stringify(text.slice(0, 40))}`
        assertEqual(await ledger.exchanges({ id: entry.exchangeId }), [toStorableEntry(entry)], `${what}, listed`)
        assertEqual(await ids(ledger, { id: `req ${text}` }), [entry.exchangeId], `${what}, found by request id`)
        assertEqual(await ids(ledger, { session: text }), [entry.exchangeId], `${what}, found by session`)
        const where = { session: text, developer: text, repository: text, agent: text, model: text }
        const stored = toStorableText(text)
        const rows = await ledger.report({ groupBy: ['session', 'model'], where })
        assertEqual(
          rows.map(({ group, exchanges }) => [group, exchanges]),
          [[{ session: stored, model: stored }, 1]],
          `${what}, reported`,
        )
      }
    },
  },
  {
    name: 'labels that become equal by that rule are one group',
    check: async (ledger) => {
      for (const session of ['a\0', 'a\ud800', 'a\uFFFD']) await ledger.append(sampleEntry({ labels: { session } }))
      assertEqual(
        (await ledger.report({ groupBy: ['session'] })).map(({ group, exchanges }) => [group.session, exchanges]),
        [['a\uFFFD', 3]],
        'exchanges by session',
      )
    },
  },
  {
    name: 'tags named like members of a prototype are tags like any other',
    check: async (ledger) => {
      const tags = JSON.parse('{"__proto__":"a","constructor":"b","toString":"c"}') as Record<string, string>
      const entry = sampleEntry({ labels: { tags } })
      await ledger.append(entry)
      assertEqual(await ledger.exchanges({ id: entry.exchangeId }), [entry], 'the entry')
    },
  },
]
