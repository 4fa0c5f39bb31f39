import { noTokens, type LedgerEntry, type RouteRecord } from '@sluice/core'
import { Writable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { exchangeLine, exchangeTitles } from './exchange-line.ts'
import { lineWriter } from './line-writer.ts'
import { jsonLog, textLog, type StartLog } from './start-log.ts'

const plain = { style: (_: string, text: string): string => text, now: () => Date.UTC(2026, 10, 24, 12) }

const entry: LedgerEntry = {
  exchangeId: 'ex_1',
  startedAt: Date.UTC(2026, 10, 24, 12),
  endedAt: Date.UTC(2026, 10, 24, 12, 0, 3, 240),
  method: 'POST',
  path: '/v1/messages',
  outcome: { kind: 'completed' },
  status: 200,
  requestedModel: 'claude-opus-5-5',
  billedModel: 'claude-opus-5-5',
  isStream: true,
  requestBytes: 1,
  responseBytes: 1,
  attempts: [],
  usage: {
    source: 'final',
    total: { ...noTokens, freshInputTokens: 3, cacheReadTokens: 1_234_567, cacheWrite5mTokens: 12_194, outputTokens: 48 },
    lines: [],
    flags: [],
  },
  cost: { state: 'priced', nanoUsd: 61_942_000n, lines: [], priceVersion: 'v' },
  proof: { patches: [] },
  attribution: {
    kind: { value: 'main', source: 'header' },
    session: { value: '0a1b2c3d-0000', source: 'header' },
    repository: { value: 'acme/payments', source: 'header' },
    tags: {},
  },
}

const line = (changes: Partial<LedgerEntry>): string => exchangeLine({ ...entry, ...changes }, plain, 'Europe/Berlin')

describe('the line about an exchange', () => {
  test('says when, what, how it ended, what it used and cost, and whose it is, under its titles', () => {
    expect(line({})).toBe(
      '13:00:03 main          opus-5-5           200 completed                 3  1.2M 12.2k    48  $0.061942   3.2s 0a1b2c3d acme/payments',
    )
    expect(exchangeTitles(plain)).toBe(
      'time     kind          model              status                    fresh  read write   out       cost   took session  repository',
    )
  })

  test('says where it went where that is not where its client asked, or not where it was sent first', () => {
    const attempt = { startedAt: 1, upstream: 'first', model: 'claude-opus-5-5' }
    const route: RouteRecord = {
      policyVersion: 'v1',
      rule: 'side-calls',
      action: 'target',
      target: { upstream: 'first' },
      candidates: [],
      isSticky: false,
      notes: [],
    }
    const tail = (changes: Partial<LedgerEntry>): string | undefined => /\[.*\]$/.exec(line(changes))?.[0]
    const chosen = [{ upstream: 'second', verdict: 'chosen' as const }]
    expect(tail({ attempts: [attempt], route })).toBeUndefined()
    expect(tail({ attempts: [attempt], route, resolvedModel: 'claude-haiku-5-5' })).toBe('[opus-5-5 -> haiku-5-5 at first by side-calls]')
    expect(tail({ attempts: [{ ...attempt, upstream: 'second' }], route: { ...route, candidates: chosen } })).toBe('[at second by side-calls]')
    const failedOver = [
      { ...attempt, status: 529 },
      { ...attempt, upstream: 'second', status: 200 },
    ]
    expect(tail({ attempts: failedOver })).toBe('[at second after first 529]')
    expect(tail({ attempts: [attempt, attempt] })).toBeUndefined()
    const kept = [{ upstream: 'first', model: 'claude-haiku-4-5', verdict: 'not-accepted' as const, why: 'it takes the request only adapted' }]
    expect(tail({ attempts: [attempt], route: { ...route, candidates: kept } })).toBe('[kept: haiku-4-5 not-accepted, side-calls]')
    expect(tail({ attempts: [attempt], route: { ...route, rule: '\u001b[31mred' }, resolvedModel: 'x\ny' })).toBe('[opus-5-5 -> x�y at first by �[31mred]')
  })

  test('shows what is not known as a dash, and never as 0', () => {
    const { status: _, billedModel: __, requestedModel: ___, ...rest } = entry
    const nothing = exchangeLine(
      {
        ...rest,
        outcome: { kind: 'client-gone' },
        usage: { source: 'none', total: noTokens, lines: [], flags: [] },
        cost: { ...entry.cost, state: 'free', nanoUsd: 0n },
        attribution: { kind: { value: 'other', source: 'request-shape' }, tags: {} },
      },
      plain,
      'UTC',
    )
    expect(nothing).toBe('12:00:03 POST messages -                  - client-gone                 -     -     -     -          -   3.2s -        -')
  })

  test('marks what is assumed or partial, and leaves an unpriced cost open', () => {
    expect(line({ cost: { ...entry.cost, state: 'assumed' } })).toContain('~$0.061942')
    expect(line({ cost: { ...entry.cost, state: 'unpriced', nanoUsd: 0n } })).not.toContain('$')
    expect(line({ usage: { ...entry.usage, source: 'partial' } })).toContain(' ~48 ')
  })

  test('holds nothing that a terminal would obey, whatever a client sends', () => {
    const text = line({ billedModel: '\u001b]0;x\u0007\r\n', attribution: { ...entry.attribution, repository: { value: '\u001b[2Ja', source: 'header' } } })
    // oxlint-disable-next-line no-control-regex -- these must not be there
    expect(text).not.toMatch(/[\u0000-\u001f]/)
  })
})

class Slow extends Writable {
  readonly lines: string[] = []
  isStuck = false
  #resume: (() => void) | undefined

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.lines.push(...chunk.toString().trimEnd().split('\n'))
    if (this.isStuck) this.#resume = done
    else done()
  }

  resume(): void {
    this.isStuck = false
    this.#resume?.()
  }
}

describe('a line writer', () => {
  test('drops lines that a stuck reader would pile up, and says how many once it reads again', async () => {
    const stream = new Slow()
    stream.isStuck = true
    const writer = lineWriter(stream, (dropped) => `dropped ${dropped}`)
    for (let at = 0; at < 100; at += 1) writer.write('x'.repeat(100_000))
    expect(stream.writableLength).toBeLessThan(5 * 1024 * 1024)
    stream.resume()
    await new Promise((resolve) => setTimeout(resolve, 10))
    const kept = stream.lines.length
    writer.write('after')
    expect(stream.lines.slice(kept)).toEqual([`dropped ${100 - kept}`, 'after'])
  })

  test('outlives its stream', () => {
    const stream = new Slow()
    const writer = lineWriter(stream, () => '')
    stream.destroy(new Error('EPIPE'))
    expect(() => writer.write('x')).not.toThrow()
  })
})

describe('faults', () => {
  const logged = (make: (options: Parameters<typeof jsonLog>[0]) => StartLog): { readonly out: readonly string[]; readonly err: readonly string[] } => {
    const [stdout, stderr] = [new Slow(), new Slow()]
    const log = make({ terminal: plain, stdout: stdout as unknown as NodeJS.WriteStream, stderr: stderr as unknown as NodeJS.WriteStream, timeZone: 'UTC' })
    log.fault({ code: 'middleware-threw', message: 'a middleware threw', exchangeId: 'ex_1', cause: new TypeError('CANARY') })
    return { out: stdout.lines, err: stderr.lines }
  }

  test("are told without the cause's message, which may quote a prompt", () => {
    const { out } = logged(jsonLog)
    expect(out.map((text) => JSON.parse(text) as unknown)).toEqual([
      {
        event: 'fault',
        time: '2026-11-24T12:00:00.000Z',
        code: 'middleware-threw',
        message: 'a middleware threw',
        exchangeId: 'ex_1',
        source: null,
        cause: { name: 'TypeError', code: null, at: expect.any(String) as string },
      },
    ])
    const text = logged(textLog)
    expect([text.out, text.err.length, JSON.stringify([out, text]).includes('CANARY')]).toEqual([[], 1, false])
    expect(text.err[0]).toMatch(/^fault middleware-threw: a middleware threw \(ex_1, TypeError, /)
  })
})
