import { describe, expect, it } from 'vitest'
import { compareRecord, compareRuns } from './compare.ts'
import type { RecordedExchange } from './gateway-target.ts'
import { observe, type Observation } from './observation.ts'

const body = (fields: object): string => JSON.stringify({ model: 'claude-opus-5-5', stream: true, ...fields })
const observed = (parts: Partial<Observation> = {}): Observation => ({
  exitCodes: [0],
  transcript: ['{"type":"assistant"}', '{"subtype":"success","type":"result"}'],
  calls: [{ route: 'POST /v1/messages?beta=true', headers: ['anthropic-beta: one,two', 'x-app: cli'], body: body({}) }],
  shownMicroUsd: [1500],
  recorded: undefined,
  ...parts,
})
const exchange = (parts: Partial<RecordedExchange> = {}): RecordedExchange => ({
  path: '/v1/messages',
  outcome: 'completed',
  attempts: 1,
  costNanoUsd: 1_500_000n,
  isUnchanged: true,
  ...parts,
})

describe('two runs', () => {
  it('that are alike have no differences', () => {
    expect(compareRuns(observed(), observed(), {})).toEqual([])
  })

  it('differ by exit code, by events, by calls and by what is shown to have been spent', () => {
    const other = observed({ exitCodes: [1], transcript: ['{"subtype":"success","type":"result"}'], calls: [], shownMicroUsd: [0] })
    expect(compareRuns(observed(), other, {})).toEqual([
      { aspect: 'exit code', detail: '0 without a gateway, 1 through it' },
      { aspect: 'transcript', detail: '1 × assistant without a gateway, none through it' },
      { aspect: 'calls', detail: '1 × POST /v1/messages?beta=true without a gateway, none through it' },
      { aspect: 'shown cost', detail: '$0.001500 without a gateway, $0.000000 through it' },
    ])
  })

  it('differ by a header that is missing, and by a field of a body or by its mere form', () => {
    const [call] = observed().calls
    if (call === undefined) throw new Error('there is no call')
    const through = (changed: string): Observation => observed({ calls: [{ ...call, headers: ['x-app: cli'], body: changed }] })
    expect(compareRuns(observed(), through(body({ stream: false })), {})).toEqual([
      { aspect: 'request headers', detail: 'anthropic-beta' },
      { aspect: 'request bodies', detail: 'call 1: stream (true, false)' },
    ])
    expect(compareRuns(observed(), through(JSON.stringify(JSON.parse(body({})), undefined, 1)), {}).at(-1)?.detail).toBe('call 1: bytes')
  })

  it('that do several things at once are alike in any order, others are not', () => {
    const turned = observed({ transcript: observed().transcript.toReversed() })
    expect(compareRuns(observed(), turned, { isUnordered: true })).toEqual([])
    expect(compareRuns(observed(), turned, {})).toEqual([{ aspect: 'transcript', detail: 'the same events in another order' }])
  })
})

describe('what a gateway has recorded', () => {
  const record = (recorded: readonly RecordedExchange[], parts: Partial<Observation> = {}, breaksOff = false): readonly string[] =>
    compareRecord(observed({ recorded, ...parts }), { breaksOff }).map(({ aspect }) => aspect)

  it('agrees to the micro-dollar, or is found out', () => {
    expect(record([exchange()])).toEqual([])
    expect(record([exchange({ costNanoUsd: 1_501_000n })])).toEqual(['recorded cost'])
    expect(record([])).toEqual(['recorded calls', 'recorded cost'])
    expect(record([exchange({ isUnchanged: false })])).toEqual(['proof'])
    expect(record([exchange({ attempts: 2 })])).toEqual(['recorded calls'])
  })

  it('may be the sum of what the runs of a session show, or what the last shows, but no more than that where nothing broke off', () => {
    const calls = [...observed().calls, ...observed().calls]
    const both = [exchange(), exchange({ costNanoUsd: 500_000n })]
    expect(record(both, { calls, shownMicroUsd: [1500, 500] })).toEqual([])
    expect(record(both, { calls, shownMicroUsd: [1500, 2000] })).toEqual([])
    expect(record(both, { calls, shownMicroUsd: [500] })).toEqual(['recorded cost'])
    expect(record(both, { calls, shownMicroUsd: [500] }, true)).toEqual([])
  })

  it('token counts are no inferences', () => {
    expect(record([exchange(), exchange({ path: '/v1/messages/count_tokens', costNanoUsd: 0n })])).toEqual([])
  })
})

it('an observation leaves out ids, times and addresses, headers of one hop, and what is not the API', () => {
  const seen = (id: string, host: string): Observation =>
    observe(
      [
        {
          exitCode: 0,
          complaint: '',
          events: [{ type: 'result', uuid: id, duration_ms: id.length, session_id: id, result: `Failed at ${host}`, total_cost_usd: 0.1 }],
        },
      ],
      [
        { method: 'HEAD', target: '/api/hello', path: '/api/hello', headers: [], body: '', status: 200 },
        {
          method: 'POST',
          target: '/v1/messages',
          path: '/v1/messages',
          headers: [
            ['Host', host],
            ['X-Session', id],
          ],
          body: `{"session":"${id}"}`,
          status: 200,
        },
      ],
      undefined,
      { hosts: [host], isUnordered: false },
    )
  const one = seen('11111111-2222-3333-4444-555555555555', '127.0.0.1:1')
  expect(one).toEqual(seen('aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee', '127.0.0.1:22'))
  expect(one.calls).toEqual([{ route: 'POST /v1/messages', headers: ['x-session: UUID'], body: '{"session":"UUID"}' }])
  expect(one.shownMicroUsd).toEqual([100_000])
})
