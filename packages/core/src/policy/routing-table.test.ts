import { fc, test as property } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { routingTable, routingTableText, type RoutingRow } from './routing-table.ts'
import { simulatedSessions } from './simulated-sessions.ts'

const rowOf = (rows: readonly RoutingRow[], name: string): RoutingRow => {
  const row = rows.find((candidate) => candidate.name.startsWith(name))
  if (row === undefined) throw new Error(`no row ${name}`)
  return row
}

describe('the table over long sessions shaped as those of Claude Code', () => {
  const rows = routingTable()

  it('D8: Sluice never costs more than direct and one percent, moves no turn of the main loop, and breaks none', () => {
    for (const row of rows.filter(({ isSluice }) => isSluice)) {
      expect(row.percentOfDirect).toBeLessThanOrEqual(101)
      expect([row.mainTurnsMoved, row.brokenTurns, row.switches]).toEqual([0, 0, 0])
    }
  })

  it('the rule by whole prompt is a no-op on the main loop: the first request is longer already', () => {
    expect(rowOf(rows, 'rule by whole prompt').mainTurnsMoved).toBe(0)
    expect(rowOf(rows, 'rule by whole prompt').percentOfDirect).toBeGreaterThan(98)
  })

  it('the rule by new tokens, and switching turn by turn, send histories to a model that did not sign them', () => {
    for (const name of ['rule by new tokens', 'switching turn by turn']) expect(rowOf(rows, name).brokenTurns).toBeGreaterThan(1_000)
  })

  it('has these figures', () => {
    expect(routingTableText(rows).split('\n')).toEqual([
      'way of routing                                                cost  of direct  main turns moved  switches  broken turns  cache read',
      'direct: always what the client asks                         $69.98    100.0 %                 0         0             0      90.4 %',
      'rule by whole prompt, followed blindly                      $69.25     99.0 %                 0        87           632      89.6 %',
      'rule by new tokens, followed blindly                        $56.91     81.3 %              1053       996          1663      80.8 %',
      'switching turn by turn, short answers to the small model    $68.07     97.3 %               805      1182          2312      80.3 %',
      'Sluice: rule by whole prompt                                $58.12     83.0 %                 0         0             0      90.6 %',
      'Sluice: rule by new tokens                                  $58.12     83.0 %                 0         0             0      90.6 %',
      'Sluice: recommended policy                                  $60.78     86.9 %                 0         0             0      90.4 %',
    ])
  })

  it('switching turn by turn between opus and sonnet costs more than never switching', () => {
    expect(rowOf(routingTable({ smallModel: 'claude-sonnet-5-5' }), 'switching turn by turn').percentOfDirect).toBeGreaterThan(110)
  })
})

it('a row says how much its policy refuses, by rule, stop or region: that is not sent, and costs nothing', () => {
  const options = { sessions: 3, mostTurns: 30, leastTurns: 30 }
  const stopped = { version: 1, stops: [{ model: 'claude-opus-*', reason: 'out' }], rules: [] } as const
  const elsewhere = { version: 1, upstreams: { eu: { region: 'eu' } }, residency: [{ regions: ['eu'] }], rules: [] } as const
  const rows = routingTable({ ...options, policies: { stopped, elsewhere, titles: { version: 1, rules: ['when kind is title deny "no"'] } } })
  const requests = simulatedSessions(options)
  expect([rowOf(rows, 'Sluice: stopped'), rowOf(rows, 'Sluice: elsewhere')]).toMatchObject([
    { refused: requests.length, costNanoUsd: 0n },
    { refused: requests.length, costNanoUsd: 0n },
  ])
  expect(rowOf(rows, 'Sluice: titles').refused).toBe(requests.filter(({ kind }) => kind === 'title').length)
  expect(rowOf(rows, 'Sluice: recommended').refused).toBe(0)
})

it('sessions begin at 16K tokens, have 30 to 50 turns, and the same seed makes the same ones', () => {
  const requests = simulatedSessions({ sessions: 20 })
  expect(simulatedSessions({ sessions: 20 })).toEqual(requests)
  for (let number = 0; number < 20; number += 1) {
    const turns = requests.filter(({ session, kind }) => session === `session-${number}` && kind === 'main')
    expect(turns[0]?.promptTokens).toBe(16_000)
    expect(turns.length).toBeGreaterThanOrEqual(30)
    expect(turns.length).toBeLessThanOrEqual(50)
  }
  const outputs = requests
    .filter(({ kind }) => kind === 'main')
    .map(({ outputTokens }) => outputTokens)
    .toSorted((left, right) => left - right)
  expect(outputs[Math.floor(outputs.length / 2)]).toBeGreaterThan(180)
  expect(outputs[Math.floor(outputs.length / 2)]).toBeLessThan(270)
})

property.prop(
  [
    fc.record({
      seed: fc.nat(10_000),
      hasThinking: fc.boolean(),
      sessions: fc.constant(12),
      leastTurns: fc.constantFrom(3, 30),
      mostTurns: fc.constantFrom(30, 60),
      model: fc.constantFrom('claude-opus-5-5', 'claude-opus-4-7', 'claude-fable-5-2'),
      smallModel: fc.constantFrom('claude-haiku-4-5', 'claude-haiku-5-5', 'claude-sonnet-5-5'),
    }),
  ],
  { numRuns: 25 },
)('D8: whatever the models and the sessions, with thinking or without, Sluice never costs more than direct and one percent', (options) => {
  for (const { name, isSluice, percentOfDirect } of routingTable(options)) if (isSluice) expect([name, percentOfDirect <= 101]).toEqual([name, true])
})
