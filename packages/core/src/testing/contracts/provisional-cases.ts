import { entryDimensions } from '../../ledger/report-totals.ts'
import { toStorableEntry } from '../../ledger/storable.ts'
import type { Ledger, LedgerEntry, ProvisionalEntries } from '../../ports/ledger.ts'
import { reportOracle } from '../report-oracle.ts'
import { sampleEntries } from '../sample-entries.ts'
import { sampleEntry } from '../sample-entry.ts'
import { assertEqual } from './assertions.ts'
import type { StoreCase } from './contract.ts'

const callers = 50

type Store = Ledger & { readonly provisional: ProvisionalEntries }

export function idsOf(entries: readonly LedgerEntry[]): readonly string[] {
  return entries.map(({ exchangeId }) => exchangeId)
}

/** What an exchange came to after all: other models, labels, figures and outcome than what was kept for it. Its start is the same. */
export function truthOf({ exchangeId, startedAt }: LedgerEntry): LedgerEntry {
  return sampleEntry({
    exchangeId,
    startedAt,
    labels: { session: 'the true session', agent: 'a9', developer: 'grace', repository: 'acme/true' },
    outcome: { kind: 'client-gone' },
    upstreamRequestId: `req_true_${exchangeId}`,
    messageId: `msg_true_${exchangeId}`,
    usageSource: 'partial',
    parts: [
      { model: 'true-model', costNanoUsd: 9_007_199_254_740_995n, outputTokens: 77 },
      { model: 'true-advisor', role: 'advisor_message', state: 'assumed', costNanoUsd: 5n, freshInputTokens: 3 },
    ],
  })
}

/** The ledger holds these entries and no others: in lists, and in every sum and percentile. */
export async function mustAnswerLike(ledger: Ledger, entries: readonly LedgerEntry[], what: string): Promise<void> {
  const stored = entries.map(toStorableEntry)
  const listed = await ledger.exchanges({ limit: entries.length + 10 })
  const byId = (all: readonly LedgerEntry[]): readonly LedgerEntry[] => all.toSorted((left, right) => (left.exchangeId < right.exchangeId ? -1 : 1))
  assertEqual(byId(listed), byId(stored), `${what}: the list`)
  for (const groupBy of [[], ...[...entryDimensions, 'hour' as const, 'day' as const].map((dimension) => [dimension]), ['model', 'session', 'day'] as const])
    assertEqual(await ledger.report({ groupBy }), reportOracle(stored, { groupBy }), `${what}: the report by ${groupBy.join(' and ') || 'nothing'}`)
  const timed = { groupBy: ['outcome'], percentiles: true } as const
  assertEqual(await ledger.report(timed), reportOracle(stored, timed), `${what}: the report with percentiles`)
}

async function opened(ledger: Store, owner: string, entries: readonly LedgerEntry[]): Promise<void> {
  await Promise.all(entries.map((entry) => ledger.provisional.open(entry, owner)))
}

/** What has begun, and what becomes of it. */
export const provisionalCases: readonly StoreCase<Store>[] = [
  {
    name: 'an exchange that is open is in no report and no list',
    check: async (ledger) => {
      const entry = sampleEntry({ upstreamRequestId: 'req_open', labels: { session: 'open' } })
      await ledger.provisional.open(entry, 'p1')
      for (const query of [{}, { id: entry.exchangeId }, { id: 'req_open' }, { session: 'open' }]) assertEqual(await ledger.exchanges(query), [], 'a list')
      await mustAnswerLike(ledger, [], 'while it is open')
    },
  },
  {
    name: 'an append takes away what was open: it counts once, as appended, and nothing is left to recover',
    check: async (ledger) => {
      const entries = sampleEntries(41, 10)
      const truth = entries.map(truthOf)
      await opened(ledger, 'p1', entries)
      await Promise.all(truth.map((entry) => ledger.append(entry)))
      assertEqual(await ledger.provisional.recover(1_000, 100), [], 'what is recovered')
      await mustAnswerLike(ledger, truth, 'after the appends')
    },
  },
  {
    name: 'opening again keeps the first and its owner, and does nothing once the exchange has been appended or recovered',
    check: async (ledger) => {
      const [first, appended, recovered] = sampleEntries(42, 3) as [LedgerEntry, LedgerEntry, LedgerEntry]
      await opened(ledger, 'dead', [recovered])
      await ledger.provisional.recover(0, 10)
      await ledger.append(appended)
      await ledger.provisional.keepAlive('alive', 1_000)
      await opened(ledger, 'alive', [first])
      await opened(ledger, 'dead', [truthOf(first), truthOf(appended), truthOf(recovered), appended])
      assertEqual(await ledger.provisional.recover(500, 10), [], 'what is recovered while the owner lives')
      assertEqual(await ledger.provisional.recover(2_000, 10), [first], 'what is recovered afterwards')
      await mustAnswerLike(ledger, [first, appended, recovered], 'in the end')
    },
  },
  {
    name: 'what owners have left that never said they live is moved into the ledger, whole, once',
    check: async (ledger) => {
      const entries = sampleEntries(43, 20)
      await opened(ledger, 'p1', entries.slice(0, 10))
      await opened(ledger, 'p2', entries.slice(10))
      const moved = await ledger.provisional.recover(0, 100)
      assertEqual(
        moved.toSorted((left, right) => (left.exchangeId < right.exchangeId ? -1 : 1)),
        entries,
        'what was moved',
      )
      assertEqual(await ledger.provisional.recover(0, 100), [], 'what is moved the second time')
      await mustAnswerLike(ledger, entries, 'after the recovery')
    },
  },
  {
    name: 'an owner that says it lives keeps what it opened, before and after saying so, until the last instant that it gave',
    check: async (ledger) => {
      const [before, after, other] = sampleEntries(44, 3) as [LedgerEntry, LedgerEntry, LedgerEntry]
      await opened(ledger, 'alive', [before])
      await ledger.provisional.keepAlive('alive', 1_000)
      await opened(ledger, 'alive', [after])
      await opened(ledger, 'dead', [other])
      assertEqual(await ledger.provisional.recover(999, 10), [other], "what is recovered in time: the other's")
      await ledger.provisional.keepAlive('alive', 5_000)
      assertEqual(await ledger.provisional.recover(4_999, 10), [], 'after it has said so again')
      assertEqual(idsOf(await ledger.provisional.recover(5_001, 10)).toSorted(), idsOf([before, after]).toSorted(), 'when its instant has passed')
      await mustAnswerLike(ledger, [before, after, other], 'in the end')
    },
  },
  {
    name: 'no more are moved at once than asked for, and the rest the next time',
    check: async (ledger) => {
      const entries = sampleEntries(45, 7)
      await opened(ledger, 'p1', entries)
      assertEqual(await ledger.provisional.recover(0, 0), [], 'none of them')
      const [one, two, three] = [await ledger.provisional.recover(0, 3), await ledger.provisional.recover(0, 3), await ledger.provisional.recover(0, 3)]
      assertEqual([one.length, two.length, three.length], [3, 3, 1], 'at most three each')
      assertEqual(idsOf([...one, ...two, ...three]).toSorted(), idsOf(entries), 'all of them together')
    },
  },
  {
    name: 'of fifty callers racing to recover each entry is moved by exactly one',
    check: async (ledger) => {
      const entries = sampleEntries(46, 100)
      await opened(ledger, 'p1', entries)
      const moved = (await Promise.all(Array.from({ length: callers }, () => ledger.provisional.recover(0, 7)))).flat()
      while (moved.length < entries.length) {
        const more = await ledger.provisional.recover(0, 7)
        if (more.length === 0) break
        moved.push(...more)
      }
      assertEqual(idsOf(moved).toSorted(), idsOf(entries), 'moved by all of them')
      await mustAnswerLike(ledger, entries, 'after the race')
    },
  },
  {
    name: 'of fifty callers racing to open one exchange one is kept, and is recovered once',
    check: async (ledger) => {
      const racing = Array.from({ length: callers }, (_, index) => sampleEntry({ exchangeId: 'ex_raced', parts: [{ costNanoUsd: BigInt(index + 1) }] }))
      await Promise.all(racing.map((entry, index) => ledger.provisional.open(entry, `p${index}`)))
      const moved = await ledger.provisional.recover(0, 100)
      assertEqual(moved, [racing[Number(moved[0]?.cost.nanoUsd ?? 0n) - 1]], 'what was moved, against what one of them opened')
    },
  },
  {
    name: 'an append that comes after the recovery takes the place of what was recovered, in lists and in every sum, once',
    check: async (ledger) => {
      const entries = sampleEntries(47, 30)
      await opened(ledger, 'p1', entries)
      await ledger.provisional.recover(0, 100)
      const truth = entries.slice(0, 10).map(truthOf)
      for (const entry of truth) await ledger.append(entry)
      await mustAnswerLike(ledger, [...truth, ...entries.slice(10)], 'after the late appends')
      const found = await ledger.exchanges({ id: `req_true_${truth[0]?.exchangeId}` })
      assertEqual(found, truth.slice(0, 1), 'found by the id that the truth has')
      for (const entry of entries.slice(0, 10)) await ledger.append(entry)
      assertEqual(await ledger.provisional.recover(0, 100), [], 'what is recovered after that')
      await mustAnswerLike(ledger, [...truth, ...entries.slice(10)], 'after a second append of each')
    },
  },
  {
    name: 'of fifty callers racing to append what was recovered exactly one takes its place',
    check: async (ledger) => {
      await opened(ledger, 'p1', [sampleEntry({ exchangeId: 'ex_raced', parts: [{ costNanoUsd: 1_000n }] })])
      await ledger.provisional.recover(0, 1)
      const racing = Array.from({ length: callers }, (_, index) => sampleEntry({ exchangeId: 'ex_raced', parts: [{ costNanoUsd: BigInt(index + 1) }] }))
      await Promise.all(racing.map((entry) => ledger.append(entry)))
      const [kept] = await ledger.exchanges({ id: 'ex_raced' })
      assertEqual(kept, racing[Number(kept?.cost.nanoUsd ?? 0n) - 1], 'the entry kept, against what its winner appended')
      await mustAnswerLike(ledger, [kept as LedgerEntry], 'after the race')
    },
  },
  {
    name: 'where appending and recovering race the truth is what is kept, whoever comes first',
    check: async (ledger) => {
      const entries = sampleEntries(48, callers)
      const truth = entries.map(truthOf)
      await opened(ledger, 'p1', entries)
      await Promise.all(
        truth.flatMap((entry, index) => {
          const append = async (): Promise<void> => {
            for (let turn = 0; turn < index % 5; turn += 1) await Promise.resolve()
            await ledger.append(entry)
          }
          return index % 2 === 0 ? [append(), ledger.provisional.recover(0, 3)] : [ledger.provisional.recover(0, 3), append()]
        }),
      )
      assertEqual(await ledger.provisional.recover(0, 100), [], 'what is left to recover')
      await mustAnswerLike(ledger, truth, 'after the race')
    },
  },
  {
    name: 'hostile text survives in what is recovered, and names an owner like any other; NUL and lone surrogates become U+FFFD',
    check: async (ledger) => {
      const texts = ["o'brien; drop table entries; --", 'nul \0 inside', '\ud83d alone', '%_*', '', '🛶']
      const entries = texts.map((text, index) => sampleEntry({ exchangeId: `ex_text_${index}`, labels: { session: text, tags: { [text]: text } } }))
      for (const [index, entry] of entries.entries()) await ledger.provisional.open(entry, texts[index] as string)
      for (const text of texts.slice(1)) await ledger.provisional.keepAlive(text, 1_000)
      assertEqual(await ledger.provisional.recover(500, 10), [toStorableEntry(entries[0] as LedgerEntry)], 'the one that had not said it lives')
      assertEqual((await ledger.provisional.recover(2_000, 10)).length, texts.length - 1, 'the others')
      await mustAnswerLike(ledger, entries, 'in the end')
    },
  },
  {
    name: 'changing an entry after it was opened, or one that was recovered, changes nothing that is kept',
    check: async (ledger) => {
      const entry = structuredClone(sampleEntry({ exchangeId: 'ex_alias', labels: { session: 'before' } }))
      const expected = structuredClone(entry)
      await ledger.provisional.open(entry, 'p1')
      for (const alias of [entry, ...(await ledger.provisional.recover(0, 1))]) {
        Reflect.set(alias, 'status', -1)
        Reflect.set(alias.attribution.session as object, 'value', 'vandalised')
        Reflect.set(alias.cost.lines[0] as object, 'nanoUsd', -1n)
      }
      await mustAnswerLike(ledger, [expected], 'after the changes')
    },
  },
]
