import { sampleEntry } from '@sluice/core/testing'
import { describe, expect, test } from 'vitest'
import { toReportQuery } from '../src/reports/report-query.ts'
import { newWorld } from './world.ts'

describe('reports', () => {
  test('are read from parameters', () => {
    expect(
      toReportQuery(
        { groupBy: ['session,model', 'day'], since: '5', until: '2026-11-24', where: ['session=a=b', 'model=m'], timeZone: 'Europe/Berlin' },
        'UTC',
      ),
    ).toEqual({
      groupBy: ['session', 'model', 'day'],
      percentiles: true,
      since: 5,
      until: Date.UTC(2026, 10, 24),
      timeZone: 'Europe/Berlin',
      where: { session: 'a=b', model: 'm' },
    })
  })

  test('of so many groups are the dearest of all', async () => {
    const { call } = await newWorld()
    const rows = async (query: string): Promise<readonly unknown[]> => {
      const { body } = await call({ method: 'GET', path: `report?groupBy=developer,session&percentiles=false${query}` })
      return body['rows'] as unknown[]
    }
    const all = await rows('')
    expect(all.length).toBeGreaterThan(1)
    expect(await rows('&limit=1')).toEqual(all.slice(0, 1))
    expect((await call({ method: 'GET', path: 'report?limit=0' })).status).toBe(400)
  })

  test('of a bounded token hold what lies within its scope, whatever it asks for', async () => {
    const { call } = await newWorld()
    const rows = async (query: string, isBounded: boolean): Promise<unknown> => {
      const { body } = await call({ method: 'GET', path: `report?percentiles=false&${query}` }, 'read', isBounded)
      return (body['rows'] as { developer?: string; exchanges: number }[]).map(({ developer, exchanges }) => `${developer ?? 'total'} ${exchanges}`)
    }
    expect([await rows('groupBy=developer', false), await rows('groupBy=developer', true)]).toEqual([['ada 1', 'bob 1'], ['ada 1']])
    expect([await rows('', true), await rows('where=businessUnit=acme/ops', true), await rows('where=developer=bob', true)]).toEqual([
      ['total 1'],
      ['total 0'],
      ['total 0'],
    ])
    const { body } = await call({ method: 'GET', path: 'exchanges' }, 'read', true)
    expect((body['exchanges'] as { principal: { developer: string } }[]).map(({ principal }) => principal.developer)).toEqual(['ada'])
  })

  test('chargeback views add up to the report, by any dimension', async () => {
    const { call, stores } = await newWorld()
    for (let at = 0; at < 18; at += 1)
      await stores.ledger.append(
        sampleEntry({
          labels: { session: `s-${at}`, developer: `d-${at % 3}` },
          parts: [{ costNanoUsd: BigInt(at + 1) * 1_000_000_000n, freshInputTokens: 100, cacheReadTokens: 300 }],
        }),
      )
    const view = async (path: string): Promise<Readonly<Record<string, unknown>>> => (await call({ method: 'GET', path: `chargeback/${path}` })).body
    const total = ((await call({ method: 'GET', path: 'report' })).body['rows'] as [{ costNanoUsd: string }])[0].costNanoUsd
    const board = await view('leaderboard?by=developer&limit=2')
    expect(board).toMatchObject({
      by: 'developer',
      costNanoUsd: total,
      places: [
        { rank: 1, name: 'd-2' },
        { rank: 2, name: 'd-1' },
      ],
    })
    expect(await view('sessions')).toMatchObject({ sessions: 20, costNanoUsd: total, mostNanoUsd: '18000000000', withoutSessionNanoUsd: '0' })
    expect(await view('concentration?by=session')).toMatchObject({
      members: 20,
      top: [{ percent: 1, members: 1 }, { percent: 10, members: 2, costNanoUsd: '35000000000' }, { members: 4 }, { members: 10 }],
    })
    expect(await view('cache-health')).toMatchObject({ readTokens: 18 * 300 + 180, freshTokens: 1820, hitRate: 0.754054, worstSessions: [] })
    expect((await call({ method: 'GET', path: 'chargeback/leaderboard?by=outcome' })).status).toBe(400)
  })
})
