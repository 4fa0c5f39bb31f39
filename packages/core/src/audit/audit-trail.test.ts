import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toStorable } from '../ledger/storable.ts'
import type { AuditLog, AuditRecord } from '../ports/audit-log.ts'
import { Secret } from '../secret.ts'
import { manualClock } from '../testing/manual-clock.ts'
import { auditTrail } from './audit-trail.ts'
import { canonicalJson } from './canonical-json.ts'

type Editable = { -readonly [Key in keyof AuditRecord]: AuditRecord[Key] }

const tick = () => new Promise<void>((resolve) => setTimeout(resolve, 0))

/** A log in memory that others can write into. */
function logOf(records: AuditRecord[] = []): AuditLog & { readonly records: AuditRecord[]; readonly pages: number[] } {
  const pages: number[] = []
  return {
    records,
    pages,
    last: async () => {
      await tick()
      return records.at(-1)
    },
    append: async (record) => {
      if (record.sequence !== records.length + 1 || record.previousHash !== (records.at(-1)?.hash ?? '0'.repeat(64))) return false
      records.push(toStorable(record))
      return true
    },
    read: async ({ after = 0, limit = 100 }) => {
      const page = records.filter(({ sequence }) => sequence > after).slice(0, limit)
      pages.push(page.length)
      return page
    },
  }
}

async function chain(length: number): Promise<readonly AuditRecord[]> {
  const log = logOf()
  const clock = manualClock()
  const trail = auditTrail({ log, clock })
  for (let index = 1; index <= length; index += 1) {
    clock.advance(1_000)
    await trail.append({
      actor: 'root',
      action: 'budget.define',
      subject: `scope:acme/${index % 3}`,
      ...(index % 2 === 0 && { reason: 'quarter' }),
      before: { index, amountNanoUsd: 1n },
      after: { index, amountNanoUsd: 2n ** 60n },
    })
  }
  return log.records
}

const verdictOn = (records: readonly AuditRecord[]) => auditTrail({ log: logOf([...records]) }).verify()

describe('an audit trail', () => {
  test('keeps who did what to what, when and why, before and after, in a chain', async () => {
    const log = logOf()
    const clock = manualClock()
    const trail = auditTrail({ log, clock })
    const first = await trail.append({ actor: 'root', action: 'key.issue', subject: 'key:a', after: { b: 1n, a: [true, null] } })
    clock.advance(5)
    const second = await trail.append({ actor: 'cli', action: 'key.revoke', subject: 'key:a', reason: 'left', before: { a: 1 }, after: undefined })
    expect(log.records).toEqual([first, second])
    expect(first).toMatchObject({ sequence: 1, previousHash: '0'.repeat(64), content: '{"after":{"a":[true,null],"b":"1"}}' })
    expect(second).toMatchObject({ sequence: 2, previousHash: first.hash, reason: 'left', at: first.at + 5, content: '{"before":{"a":1}}' })
    expect(first.hash).toMatch(/^[0-9a-f]{64}$/)
    // From another implementation of SHA-256: a chain has to be checkable by anybody.
    expect(first.contentHash).toBe('4638d140b85895c47e71f89686ef51703a248284fa39c26ecdd530a40efcf136')
    expect(first.hash).toBe('fc0c43416bb122cc260779abce3b09ba4732fe5ecb27146ba95c0e4676bfadea')
    expect(await trail.verify()).toEqual({ kind: 'intact', records: 2, last: { sequence: 2, hash: second.hash } })
  })

  test('is in order while it is empty', async () => {
    expect(await verdictOn([])).toEqual({ kind: 'intact', records: 0 })
  })

  test('of fifty appends at once makes one chain without a gap, in the order of the calls', async () => {
    const log = logOf()
    const trail = auditTrail({ log, clock: manualClock() })
    await Promise.all(Array.from({ length: 50 }, (_, index) => trail.append({ actor: `${index}`, action: 'a', subject: 's' })))
    expect(log.records.map(({ actor }) => actor)).toEqual(Array.from({ length: 50 }, (_, index) => `${index}`))
    expect(await trail.verify()).toMatchObject({ kind: 'intact', records: 50 })
  })

  test('of fifty processes that append at once makes one chain without a gap, and loses none', async () => {
    const log = logOf()
    const trails = Array.from({ length: 50 }, () => auditTrail({ log, clock: manualClock() }))
    await Promise.all(trails.map((trail, index) => trail.append({ actor: `${index}`, action: 'a', subject: 's' })))
    expect(new Set(log.records.map(({ actor }) => actor)).size).toBe(50)
    expect(await trails[0]?.verify()).toMatchObject({ kind: 'intact', records: 50 })
  })

  test('gives up with an error where others come first for ever, and goes on with the next change', async () => {
    const log = logOf()
    let isBusy = true
    const trail = auditTrail({ log: { ...log, last: async () => log.records.at(-1), append: async (record) => !isBusy && log.append(record) } })
    await expect(trail.append({ actor: 'a', action: 'a', subject: 's' })).rejects.toThrow('200 times in a row')
    isBusy = false
    expect(await trail.append({ actor: 'b', action: 'a', subject: 's' })).toMatchObject({ sequence: 1, actor: 'b' })
  })

  test('records a change once where the log kept it and then failed to say so', async () => {
    const log = logOf()
    const failing: AuditLog = {
      ...log,
      append: async (record) => {
        await log.append(record)
        throw new Error('connection reset')
      },
    }
    await auditTrail({ log: failing }).append({ actor: 'a', action: 'a', subject: 's' })
    expect(log.records).toHaveLength(1)
    await expect(
      auditTrail({ log: { ...log, append: () => Promise.reject(new Error('down')) } }).append({ actor: 'a', action: 'a', subject: 's' }),
    ).rejects.toThrow('down')
  })

  test('holds with text that stores replace, and with content that was erased', async () => {
    const log = logOf()
    const trail = auditTrail({ log, clock: manualClock() })
    const text = 'nul \0, lone \ud83d, emoji 👩'
    await trail.append({ actor: text, action: text, subject: text, reason: text, before: { [text]: text }, after: text })
    await trail.append({ actor: 'a', action: 'a', subject: 's', before: new Secret('canary-secret') })
    expect(await trail.verify()).toMatchObject({ kind: 'intact', records: 2 })
    expect(log.records[1]?.content).toBe('{"before":"[secret]"}')
    const erased = log.records.map(({ content: _content, ...record }) => record)
    expect(await verdictOn(erased)).toMatchObject({ kind: 'intact', records: 2 })
  })

  test('is checked page by page, from any record on', async () => {
    const records = await chain(1_201)
    const log = logOf([...records])
    expect(await auditTrail({ log }).verify()).toMatchObject({ kind: 'intact', records: 1_201 })
    expect(log.pages).toEqual([500, 500, 201, 0])
    expect(await auditTrail({ log }).verify({ from: 1_000 })).toMatchObject({ kind: 'intact', records: 202 })
    expect(await auditTrail({ log }).verify({ from: 1_202 })).toMatchObject({ kind: 'intact', records: 0 })
    expect(await auditTrail({ log }).verify({ from: 1_300 })).toMatchObject({ kind: 'broken', sequence: 1_299 })
  })

  test('that was cut at its end, or written anew, is found by a record that was noted elsewhere', async () => {
    const records = await chain(6)
    const { sequence, hash } = records[4] as AuditRecord
    const check = (found: readonly AuditRecord[]) => auditTrail({ log: logOf([...found]) }).verify({ anchor: { sequence, hash } })
    expect(await check(records)).toMatchObject({ kind: 'intact', records: 6 })
    expect(await check(records.slice(0, 5))).toMatchObject({ kind: 'intact', records: 5 })
    expect(await check(records.slice(0, 4))).toEqual({ kind: 'broken', sequence: 5, what: 'the log ends here, and 5 was noted' })
    const anew = logOf(records.slice(0, 3))
    for (let index = 0; index < 3; index += 1) await auditTrail({ log: anew }).append({ actor: 'mallory', action: 'a', subject: 's' })
    expect(await verdictOn(anew.records)).toMatchObject({ kind: 'intact' })
    expect(await check(anew.records)).toEqual({ kind: 'broken', sequence: 5, what: 'it is not the one that was noted' })
  })
})

describe('tampering is found:', () => {
  const flipped = (text: string, at: number, bit: number): string => {
    const index = at % text.length
    return text.slice(0, index) + String.fromCharCode(text.charCodeAt(index) ^ (1 << bit)) + text.slice(index + 1)
  }

  test('any single bit of any field of any record', async () => {
    const records = await chain(5)
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 4 }), fc.nat({ max: 9 }), fc.nat(), fc.nat({ max: 6 }), async (index, field, at, bit) => {
        const changed = { ...(records[index] as Editable) }
        const name = Object.keys(changed)[field % Object.keys(changed).length] as keyof AuditRecord
        const value = changed[name]
        const other = typeof value === 'number' ? value ^ (1 << bit) : flipped(value as string, at, bit)
        expect(Reflect.set(changed, name, other)).toBe(true)
        const tampered = records.map((record, place) => (place === index ? changed : record))
        expect(await verdictOn(tampered)).toMatchObject({ kind: 'broken' })
      }),
      { numRuns: 1_000 },
    )
  })

  test('a field added, taken away, or moved into the next', async () => {
    const records = await chain(5)
    for (const index of [0, 1, 2, 3, 4]) {
      const record = records[index] as AuditRecord
      const { reason: _reason, ...withoutReason } = record
      const changes: readonly AuditRecord[] = [
        record.reason === undefined ? { ...record, reason: '' } : withoutReason,
        { ...record, content: '' },
        { ...record, actor: `${record.actor}"`, action: record.action.slice(1) },
        { ...record, actor: `${record.actor}${record.action}`, action: '' },
      ]
      for (const changed of changes) {
        const verdict = await verdictOn(records.map((other, place) => (place === index ? changed : other)))
        expect(verdict).toMatchObject({ kind: 'broken', sequence: index + 1 })
      }
    }
  })

  test('a record deleted, two swapped, one inserted or repeated', async () => {
    const records = await chain(6)
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 4 }), fc.nat({ max: 5 }), fc.boolean(), async (index, other, isRenumbered) => {
        const renumbered = (list: readonly AuditRecord[]) => (isRenumbered ? list.map((record, place) => ({ ...record, sequence: place + 1 })) : list)
        const deleted = records.filter((_, place) => place !== index)
        expect(await verdictOn(renumbered(deleted))).toMatchObject({ kind: 'broken', sequence: index + 1 })
        const inserted = [...records.slice(0, index), records[other] as AuditRecord, ...records.slice(index)]
        if (isRenumbered || other > index) expect(await verdictOn(renumbered(inserted))).toMatchObject({ kind: 'broken' })
        if (index !== other) {
          const swapped = records.map((record, place) => (place === index ? records[other] : place === other ? records[index] : record) as AuditRecord)
          expect(await verdictOn(renumbered(swapped))).toMatchObject({ kind: 'broken' })
        }
      }),
    )
  })

  test('the whole of a record made anew, hash and all, breaks at the next', async () => {
    const records = await chain(4)
    const log = logOf(records.slice(0, 1))
    const forged = await auditTrail({ log, clock: manualClock() }).append({ actor: 'mallory', action: 'key.issue', subject: 'key:m' })
    expect(await verdictOn([...records.slice(0, 1), forged, ...records.slice(2)])).toEqual({
      kind: 'broken',
      sequence: 3,
      what: 'it does not follow the record before',
    })
  })
})

describe('canonical JSON', () => {
  test('is the same text for the same value, and reads back as it', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const reversed = (part: unknown): unknown => {
          if (Array.isArray(part)) return part.map(reversed)
          if (typeof part !== 'object' || part === null) return part
          return Object.fromEntries(
            Object.entries(part)
              .toReversed()
              .map(([key, inner]) => [key, reversed(inner)]),
          )
        }
        const text = canonicalJson(value)
        expect(canonicalJson(reversed(value))).toBe(text)
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })

  test('writes bigints as digits, leaves out what JSON does, obeys toJSON, and refuses a circle', () => {
    const circle: { self?: unknown } = {}
    circle.self = circle
    expect(canonicalJson({ b: 2n ** 70n, a: undefined, c: [undefined, () => 1], '\u{1f600}': 1, '\uff5e': 2, d: new Date(0), e: new Secret('x') })).toBe(
      '{"b":"1180591620717411303424","c":[null,null],"d":"1970-01-01T00:00:00.000Z","e":"[secret]","\uff5e":2,"\u{1f600}":1}',
    )
    expect(canonicalJson(undefined)).toBe('null')
    expect(() => canonicalJson(circle)).toThrow(TypeError)
  })
})
