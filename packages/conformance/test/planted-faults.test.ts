import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CASES, runSuite, startScriptedUpstream, type ScriptedUpstream, type SuiteReport } from '../src/index.ts'
import { CAP_USD, KEYS, plainGateway, type Fault } from './plain-gateway.ts'
import { PLANTED_FAULTS } from './planted-faults.ts'

let upstream: ScriptedUpstream

beforeAll(async () => {
  upstream = await startScriptedUpstream()
})

afterAll(() => upstream.close())

/** Runs cases against the simple gateway, with what is planted in it. */
async function judged(fault: Fault, ids: readonly string[] | undefined): Promise<SuiteReport> {
  const gateway = await plainGateway(upstream.url, fault)
  try {
    return await runSuite({
      target: {
        url: gateway.url,
        key: KEYS.client,
        upstreamKey: KEYS.upstream,
        prepareBudget: () => Promise.resolve({ key: KEYS.capped, capUsd: CAP_USD }),
      },
      upstream,
      cases: CASES.filter(({ id }) => ids === undefined || ids.includes(id)),
      // A fault that shows by something not happening takes this long to be seen.
      ...(ids === undefined ? {} : { patienceMillis: 1500, graceMillis: 100 }),
      recoveryMillis: 2000,
    })
  } finally {
    await gateway.close()
  }
}

/** What a gateway of 200 lines does not do: it adds no error event of its own, but breaks the connection, which is allowed. */
test('a simple gateway that does nothing wrong passes every case', async () => {
  const report = await judged({}, undefined)
  const failed = report.cases.filter(({ verdict }) => verdict === 'fail' || verdict === 'error').map(({ id, detail }) => `${id}: ${detail ?? ''}`)
  expect(failed).toEqual([])
}, 120_000)

describe.each(PLANTED_FAULTS)('a gateway that $what', ({ fault, caughtBy }) => {
  test(`is caught by ${caughtBy.join(', ')}`, async () => {
    const report = await judged(fault, caughtBy)
    expect(report.cases.map(({ id, verdict }) => `${id}: ${verdict}`).toSorted()).toEqual(caughtBy.map((id) => `${id}: fail`).toSorted())
  }, 60_000)
})
