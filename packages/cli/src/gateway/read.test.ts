import { describe, expect, test } from 'vitest'
import { toComingInstant, toInstant, toSpanMillis } from './instant.ts'
import { emptyTotal, type ReportRowJson } from '@sluice/admin'
import { dimensionOf, filterOf } from './dimensions.ts'
import { reportCsv, reportTable } from './report-text.ts'

const now = Date.UTC(2026, 10, 24, 12)
const iso = (text: string, timeZone = 'UTC'): string => new Date(toInstant('--since', text, now, timeZone)).toISOString()

describe('instants', () => {
  test.each([
    ['24h', '2026-11-23T12:00:00.000Z'],
    ['7d', '2026-11-17T12:00:00.000Z'],
    ['30m', '2026-11-24T11:30:00.000Z'],
    ['2w', '2026-11-10T12:00:00.000Z'],
    ['2026-11-24T13:00:00Z', '2026-11-24T13:00:00.000Z'],
    ['2026-11-24T13:00:00+02:00', '2026-11-24T11:00:00.000Z'],
    ['2026-11-24', '2026-11-24T00:00:00.000Z'],
  ])('%s is %s', (text, expected) => expect(iso(text)).toBe(expected))

  test('a date is midnight in the time zone asked for, across the change of the clocks', () => {
    expect(iso('2026-11-24', 'Europe/Berlin')).toBe('2026-11-23T23:00:00.000Z')
    expect(iso('2026-07-01', 'Europe/Berlin')).toBe('2026-06-30T22:00:00.000Z')
    expect(iso('2026-10-25T12:00', 'Europe/Berlin')).toBe('2026-10-25T11:00:00.000Z')
    expect(iso('2026-11-24', 'America/New_York')).toBe('2026-11-24T05:00:00.000Z')
  })

  test.each(['yesterday', '24', '-1h', '2026-13-45', '1e3d'])('%s is refused', (text) => expect(() => iso(text)).toThrow(`--since: saw "${text}"`))
})

describe('instants to come', () => {
  test('are spans from now, or times that have not passed', () => {
    expect(new Date(toComingInstant('--until', '90d', now, 'UTC')).toISOString()).toBe('2027-02-22T12:00:00.000Z')
    expect(new Date(toComingInstant('--until', '2026-12-01', now, 'Europe/Berlin')).toISOString()).toBe('2026-11-30T23:00:00.000Z')
    expect(() => toComingInstant('--until', '2026-11-01', now, 'UTC')).toThrow('--until: "2026-11-01" has passed')
    expect([toSpanMillis('30s'), toSpanMillis('2w'), toSpanMillis('1.5h'), toSpanMillis('')]).toEqual([30_000, 1_209_600_000, undefined, undefined])
  })
})

describe('dimensions', () => {
  test('are written as the gateway does, or with hyphens', () => {
    expect([dimensionOf('--group-by', 'costCentre'), dimensionOf('--group-by', 'cost-centre'), dimensionOf('--group-by', 'session')]).toEqual([
      'costCentre',
      'costCentre',
      'session',
    ])
    expect([filterOf('--where', 'cost-centre=acme/web'), filterOf('--where', 'session=a=b')]).toEqual(['costCentre=acme/web', 'session=a=b'])
  })

  test.each([
    ['sesion', 'Did you mean session?'],
    ['cost-center', 'Did you mean costCentre?'],
  ])('%s is refused: %s', (name, message) => expect(() => dimensionOf('--group-by', name)).toThrow(message))

  test.each(['session', 'day=2026-11-24'])('%s is no filter', (text) => expect(() => filterOf('--where', text)).toThrow('is not a filter'))
})

describe('report tables', () => {
  const row: ReportRowJson = {
    ...emptyTotal,
    session: 's-1',
    exchanges: 2,
    freshInputTokens: 1234,
    outputTokens: 5,
    costNanoUsd: '1234567',
    durationMillis: { p50: 1500, p90: 1, p99: 2500 },
  }

  test('show groups, sums and a total; what is unknown is a dash', () => {
    const text = reportTable([row, { ...row, session: null, durationMillis: null }], ['session'])
    expect(text).toContain('s-1')
    expect(text).toMatch(/^-  .*1,234 .*\$0\.001235 .* -  /m)
    expect(text).toMatch(/^total .* 4 .*2,468 .*\$0\.002469/m)
    expect(text).not.toContain('searches')
  })

  test('mark a sum that leaves an unpriced exchange open, and show no zero for it', () => {
    expect(reportTable([{ ...row, unpricedExchanges: 1 }], ['session'])).toMatch(/~\$0\.001235[^]*1 of them asked a model without a known price/)
    expect(reportTable([{ ...row, unpricedExchanges: 2, costNanoUsd: '0' }], ['session'])).not.toContain('$')
  })

  test('never pass a control sequence of a client to the terminal', () => {
    expect(reportTable([{ ...row, session: '\u001b]0;pwned\u0007x' }], ['session'])).toMatch(/^�\]0;pwned�x /m)
  })

  test('as CSV carry every field, the cost exactly, and no formula', () => {
    const [header, line] = reportCsv([{ ...row, session: '=cmd|x' }], ['session']).split('\r\n')
    expect(header).toBe(
      'session,exchanges,freshInputTokens,cacheReadTokens,cacheWrite5mTokens,cacheWrite1hTokens,outputTokens,webSearchRequests,webFetchRequests,unpricedExchanges,partialExchanges,costNanoUsd,costUsd,firstByteMillisP50,firstByteMillisP90,firstByteMillisP99,durationMillisP50,durationMillisP90,durationMillisP99',
    )
    expect(line).toBe("'=cmd|x,2,1234,0,0,0,5,0,0,0,0,1234567,0.001234567,,,,1500,1,2500")
  })
})
