import { toStorable } from '../../ledger/storable.ts'
import type { AuditLog, AuditQuery, AuditRecord } from '../../ports/audit-log.ts'
import { assertEqual } from './assertions.ts'
import type { StoreCase } from './contract.ts'
import { callers, hostileTexts, sampleInstant, vandalise } from './key-ring-samples.ts'

export const noHash: string = '0'.repeat(64)

/** 64 hex digits that stand for a hash: a log compares them and computes none. */
const hashOf = (sequence: number, writer: number): string => `${writer.toString(16).padStart(8, '0')}${sequence.toString(16).padStart(56, '0')}`

/** The record after `last`. */
export function sampleRecord(last: AuditRecord | undefined, parts: Partial<AuditRecord> = {}, writer = 0): AuditRecord {
  const sequence = (last?.sequence ?? 0) + 1
  return {
    sequence,
    at: sampleInstant + sequence,
    actor: `writer ${writer}`,
    action: 'key.issue',
    subject: `key:${writer}`,
    contentHash: hashOf(sequence, 0xc0ffee),
    previousHash: last?.hash ?? noHash,
    hash: hashOf(sequence, writer),
    content: `{"after":${sequence},"before":null}`,
    ...parts,
  }
}

/** Appends records one after the other. */
export async function appended(log: AuditLog, number: number, subjects: readonly string[] = ['key:0']): Promise<readonly AuditRecord[]> {
  const records: AuditRecord[] = []
  for (let index = 0; index < number; index += 1) {
    const record = sampleRecord(records.at(-1), { subject: subjects[index % subjects.length] as string })
    assertEqual(await log.append(record), true, `append of ${record.sequence}`)
    records.push(record)
  }
  return records
}

async function sequences(log: AuditLog, query: AuditQuery): Promise<readonly number[]> {
  return (await log.read(query)).map(({ sequence }) => sequence)
}

/** How the chain grows, and is read. */
export const auditLogCases: readonly StoreCase<AuditLog>[] = [
  {
    name: 'a log begins empty, and its records come back whole, in order, the newest as the last',
    check: async (log) => {
      assertEqual([await log.last(), await log.read({})], [undefined, []], 'an empty log')
      const first = sampleRecord(undefined, { reason: 'because', content: JSON.stringify({ after: 'x'.repeat(100_000) }) })
      const { content: _erased, ...second } = sampleRecord(first)
      for (const record of [first, second]) {
        assertEqual(await log.append(record), true, `append of ${record.sequence}`)
        assertEqual(await log.last(), record, 'the last')
      }
      assertEqual(await log.read({}), [first, second], 'all records')
    },
  },
  {
    name: 'a chain begins at 1, after 64 zeros',
    check: async (log) => {
      const first = sampleRecord(undefined)
      for (const wrong of [{ sequence: 0 }, { sequence: 2 }, { previousHash: 'f'.repeat(64) }, { previousHash: '' }])
        assertEqual(await log.append({ ...first, ...wrong }), false, `append with ${JSON.stringify(wrong)}`)
      assertEqual([await log.last(), await log.read({})], [undefined, []], 'the log')
      assertEqual(await log.append(first), true, 'append of the first')
    },
  },
  {
    name: 'only the next record is taken: none twice, none after a gap, none on another hash; the others change nothing',
    check: async (log) => {
      const records = await appended(log, 3)
      const next = sampleRecord(records[2])
      const wrong = [
        ...records,
        { ...next, sequence: 3 },
        { ...next, sequence: 5 },
        { ...next, previousHash: records[1]?.hash ?? '' },
        { ...next, previousHash: (records[2]?.hash ?? '').toUpperCase().replace('0', '1') },
        { ...next, previousHash: noHash },
      ]
      for (const record of wrong) assertEqual(await log.append(record), false, `append of ${record.sequence} on ${record.previousHash}`)
      assertEqual([await log.read({}), await log.last()], [records, records[2]], 'the log')
      assertEqual(await log.append(next), true, 'append of the next')
    },
  },
  {
    name: 'of fifty callers racing to append the next record exactly one is told so, and its record is the one kept',
    check: async (log) => {
      const [first] = await appended(log, 1)
      const racing = Array.from({ length: callers }, (_, writer) => sampleRecord(first, {}, writer))
      const answers = await Promise.all(racing.map((record) => log.append(record)))
      assertEqual(answers.filter(Boolean).length, 1, 'callers told that they appended it')
      assertEqual(await log.read({}), [first, racing[answers.indexOf(true)]], 'the log')
    },
  },
  {
    name: 'fifty callers that append as often as it takes make one chain without a gap',
    check: async (log) => {
      await Promise.all(
        Array.from({ length: callers }, async (_, writer) => {
          for (let isDone = false; !isDone;) isDone = await log.append(sampleRecord(await log.last(), {}, writer))
        }),
      )
      const records = await log.read({})
      assertEqual(
        records.map(({ sequence }) => sequence),
        Array.from({ length: callers }, (_, index) => index + 1),
        'sequences',
      )
      assertEqual(new Set(records.map(({ actor }) => actor)).size, callers, 'writers')
      for (const [index, record] of records.entries()) assertEqual(record.previousHash, records[index - 1]?.hash ?? noHash, `what ${record.sequence} follows`)
    },
  },
  {
    name: 'records are read after a sequence, of one subject, at most as many as asked for, and a hundred unless said',
    check: async (log) => {
      await appended(log, 105, ['key:a', 'key:b', 'key:A', 'key:%', 'key:_'])
      assertEqual(
        await sequences(log, {}),
        Array.from({ length: 100 }, (_, index) => index + 1),
        'without a query',
      )
      assertEqual(await sequences(log, { after: 100 }), [101, 102, 103, 104, 105], 'after 100')
      assertEqual(await sequences(log, { after: 105 }), [], 'after the last')
      assertEqual(await sequences(log, { after: 3, limit: 2 }), [4, 5], 'two after 3')
      assertEqual(await sequences(log, { limit: 0 }), [], 'none')
      assertEqual(await sequences(log, { subject: 'key:a', limit: 3 }), [1, 6, 11], 'of key:a')
      assertEqual(await sequences(log, { subject: 'key:%', after: 4, limit: 2 }), [9, 14], 'of key:%, after 4')
      for (const subject of ['key', '%', '', 'key:aa', ...hostileTexts])
        assertEqual(await sequences(log, { subject }), [], `of ${JSON.stringify(subject.slice(0, 40))}`)
    },
  },
  {
    name: 'hostile text in a record survives; NUL and lone surrogates become U+FFFD, in what is kept and in what is looked for',
    check: async (log) => {
      let last: AuditRecord | undefined
      for (const text of hostileTexts) {
        const record = sampleRecord(last, { actor: text, action: text, subject: text, reason: text, content: text })
        assertEqual(await log.append(record), true, `append of ${JSON.stringify(text.slice(0, 40))}`)
        last = toStorable(record)
        assertEqual(await log.last(), last, `text ${JSON.stringify(text.slice(0, 40))}`)
        assertEqual(await log.read({ subject: text }), [last], `of ${JSON.stringify(text.slice(0, 40))}`)
      }
    },
  },
  {
    name: 'changing a record after its append, or one that was returned, changes nothing that is kept',
    check: async (log) => {
      const record = { ...sampleRecord(undefined) }
      const expected = structuredClone(record)
      await log.append(record)
      vandalise(record)
      const returned = [await log.last(), ...(await log.read({}))]
      for (const found of returned) assertEqual(found, expected, 'the record, after the caller changed its own')
      for (const found of returned) vandalise(found as AuditRecord)
      assertEqual([await log.last(), ...(await log.read({}))], [expected, expected], 'the record, after a returned one was changed')
    },
  },
]
