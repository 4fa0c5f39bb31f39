import type { Ledger, LedgerEntry } from '../../ports/ledger.ts'
import { sampleEntries } from '../sample-entries.ts'
import { sampleEntry } from '../sample-entry.ts'
import { assertEqual } from './assertions.ts'
import type { StoreCase } from './contract.ts'

const callers = 50

/** What one append is worth, told apart by its figures. */
const claims = (exchangeId: string): readonly LedgerEntry[] =>
  Array.from({ length: callers }, (_, index) =>
    sampleEntry({ exchangeId, labels: { session: `caller ${index}` }, parts: [{ costNanoUsd: BigInt(index + 1), outputTokens: index + 1 }] }),
  )

async function onlyEntry(ledger: Ledger, id: string, what: string): Promise<LedgerEntry> {
  const found = await ledger.exchanges({ id })
  assertEqual(found.length, 1, `${what}: entries under the id`)
  return found[0] as LedgerEntry
}

/** How an entry gets in: once, whole, and whoever races. */
export const appendCases: readonly StoreCase<Ledger>[] = [
  {
    name: 'an entry comes back whole, field by field',
    check: async (ledger) => {
      const entry = fullEntry()
      await ledger.append(entry)
      assertEqual(await ledger.exchanges({ id: entry.exchangeId }), [entry], 'the entry')
    },
  },
  {
    name: 'entries of every shape come back as they went in',
    check: async (ledger) => {
      const entries = sampleEntries(11, 60)
      for (const entry of entries) await ledger.append(entry)
      for (const entry of entries) assertEqual(await onlyEntry(ledger, entry.exchangeId, 'a sample'), entry, 'the entry')
    },
  },
  {
    name: 'appending an exchange twice keeps the first, and does not count it again',
    check: async (ledger) => {
      const [first, second] = claims('ex_twice') as [LedgerEntry, LedgerEntry]
      await ledger.append(first)
      await ledger.append(first)
      await ledger.append(second)
      assertEqual(await onlyEntry(ledger, 'ex_twice', 'after three appends'), first, 'the entry kept')
      const [row] = await ledger.report({ groupBy: [] })
      assertEqual([row?.exchanges, row?.costNanoUsd, row?.outputTokens], [1, 1n, 1], 'exchanges, cost and output tokens')
    },
  },
  {
    name: 'of fifty callers racing to append one exchange exactly one is kept, whole, and all of them resolve',
    check: async (ledger) => {
      const racing = claims('ex_raced')
      await Promise.all(racing.map((claim) => ledger.append(claim)))
      const kept = await onlyEntry(ledger, 'ex_raced', 'after the race')
      assertEqual(kept, racing[Number(kept.cost.nanoUsd) - 1], 'the entry kept, against what its winner appended')
      const rows = await ledger.report({ groupBy: ['session'] })
      assertEqual(
        rows.map((row) => [row.group.session, row.exchanges, row.costNanoUsd]),
        [[kept.attribution.session?.value, 1, kept.cost.nanoUsd]],
        'the report',
      )
    },
  },
  {
    name: 'what the first caller to be done has appended stays, however many come right behind',
    check: async (ledger) => {
      const seen = await Promise.all(
        claims('ex_staggered').map(async (claim, index) => {
          for (let turn = 0; turn < index; turn += 1) await Promise.resolve()
          await ledger.append(claim)
          return (await onlyEntry(ledger, 'ex_staggered', 'right after an append')).cost.nanoUsd
        }),
      )
      assertEqual(new Set(seen).size, 1, `entries seen by ${callers} callers, each right after its own append (costs ${[...new Set(seen)].join(', ')})`)
    },
  },
  {
    name: 'of fifty callers racing to append fifty exchanges none is lost',
    check: async (ledger) => {
      const entries = Array.from({ length: callers }, (_, index) =>
        sampleEntry({ exchangeId: `ex_many_${index}`, parts: [{ costNanoUsd: 1n << BigInt(index) }] }),
      )
      await Promise.all(entries.map((entry) => ledger.append(entry)))
      const [row] = await ledger.report({ groupBy: [] })
      assertEqual([row?.exchanges, row?.costNanoUsd], [callers, (1n << BigInt(callers)) - 1n], 'exchanges and their cost')
      assertEqual((await ledger.exchanges({})).length, callers, 'exchanges listed')
    },
  },
  {
    name: 'an entry is in reports and lists as soon as its append has resolved',
    check: async (ledger) => {
      for (let count = 1; count <= 5; count += 1) {
        const { exchangeId } = await appended(ledger, sampleEntry())
        assertEqual((await ledger.report({ groupBy: [] }))[0]?.exchanges, count, 'exchanges in the report')
        await onlyEntry(ledger, exchangeId, 'right after its append')
      }
    },
  },
  {
    name: 'changing an entry after its append, or one that a list returned, changes nothing that is kept',
    check: async (ledger) => {
      const entry = sampleEntry({ exchangeId: 'ex_alias', labels: { session: 'before', tags: { team: 'web' } } })
      const expected = structuredClone(entry)
      await ledger.append(entry)
      vandalise(entry)
      const [returned] = await ledger.exchanges({ id: 'ex_alias' })
      assertEqual(returned, expected, 'the entry, after the caller changed its own')
      vandalise(returned as LedgerEntry)
      assertEqual(await onlyEntry(ledger, 'ex_alias', 'after the changes'), expected, 'the entry, after a returned one was changed')
      const rows = await ledger.report({ groupBy: ['session'] })
      assertEqual(
        rows.map(({ group }) => group.session),
        ['before'],
        'the report',
      )
      vandalise(rows[0] as object)
      assertEqual((await ledger.report({ groupBy: ['session'] }))[0]?.exchanges, 1, 'the report, after a returned row was changed')
    },
  },
]

async function appended(ledger: Ledger, entry: LedgerEntry): Promise<LedgerEntry> {
  await ledger.append(entry)
  return entry
}

/** Overwrites whatever is not frozen, all the way down. */
function vandalise(value: object): void {
  for (const [key, part] of Object.entries(value)) {
    if (typeof part === 'object' && part !== null) vandalise(part)
    else Reflect.set(value, key, typeof part === 'bigint' ? -1n : typeof part === 'number' ? -1 : 'vandalised')
  }
  Reflect.set(value, 'added', true)
}

function fullEntry(): LedgerEntry {
  const value = (text: string): { readonly value: string; readonly source: 'header' } => ({ value: text, source: 'header' })
  const startedAt = Date.UTC(2026, 10, 24, 12, 0, 0, 7)
  const entry = sampleEntry({
    exchangeId: 'ex_full',
    startedAt,
    headAt: startedAt + 401,
    firstByteAt: startedAt + 402,
    endedAt: startedAt + 2_003,
    outcome: { kind: 'cut', error: { origin: 'upstream', code: 'overloaded_error' } },
    status: 529,
    requestedModel: 'opus',
    resolvedModel: 'claude-opus-5',
    billedModel: 'claude-opus-5-5',
    stopReason: 'tool_use',
    upstreamRequestId: 'req_011',
    messageId: 'msg_01X',
    attempts: [
      { upstream: 'first', startedAt, failure: 'stale-connection' },
      { upstream: 'second', startedAt: startedAt + 5, headAt: startedAt + 401, status: 529 },
    ],
    proof: {
      requestDigest: 'crc32:1',
      upstreamRequestDigest: 'crc32:2',
      upstreamResponseDigest: 'crc32:3',
      responseDigest: 'crc32:3',
      patches: [{ name: 'model', start: 10, end: 16, insertedBytes: 13 }],
    },
    principal: { keyId: 'key_1', developer: 'ada' },
    attribution: {
      session: value('s-1'),
      agent: value('a-1'),
      parentAgent: value('a-0'),
      agentType: value('Explore'),
      prompt: value('p-1'),
      developer: value('ada'),
      device: value('d-1'),
      repository: value('acme/web'),
      kind: { value: 'sub-agent', source: 'billing-block' },
      client: value('claude-cli'),
      clientVersion: value('2.1.330'),
      entryPoint: value('sdk-cli'),
      tags: { team: 'web', '': 'empty name' },
    },
    parts: [
      {
        freshInputTokens: 1,
        cacheReadTokens: 2,
        cacheWrite5mTokens: 3,
        cacheWrite1hTokens: 4,
        outputTokens: 5,
        webSearchRequests: 6,
        webFetchRequests: 7,
        speed: 'fast',
        inferenceGeo: 'us',
        serviceTier: 'batch',
      },
      { model: 'in-house-1', role: 'compaction', state: 'assumed', costNanoUsd: 9_007_199_254_740_993n },
    ],
    usageSource: 'partial',
  })
  return { ...entry, usage: { ...entry.usage, flags: ['cache-split-stale', 'output-estimated'] } }
}
