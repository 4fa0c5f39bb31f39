import { describe, expect, it } from 'vitest'
import type { ConformanceCase, Verdict } from '../case.ts'
import { NotHere, type Peer } from './peer.ts'
import { runPeers } from './peers-run.ts'

const described = { group: 'http', title: 'A case', requirement: 'Something.', source: 'a standard', severity: 'must' } as const

function conformanceCase(id: string, run: () => Promise<Verdict>): ConformanceCase {
  return { id, ...described, run }
}

function peer(id: string, stopped: string[], start?: Peer['start']): Peer {
  return {
    id,
    title: `Gateway ${id}`,
    about: 'Not a gateway at all.',
    start:
      start ??
      (({ upstreamUrl }) =>
        Promise.resolve({
          name: id,
          version: '1',
          url: upstreamUrl,
          pid: 0,
          complaints: () => '',
          stop: () => {
            stopped.push(id)
            return Promise.resolve()
          },
        })),
  }
}

describe('a run of peers', () => {
  const cases = [
    conformanceCase('passes', () => Promise.resolve({ verdict: 'pass' })),
    conformanceCase('fails', () => Promise.resolve({ verdict: 'fail', detail: 'came nothing' })),
  ]

  it('reports one that cannot be had with the reason, and goes on with the next', async () => {
    const stopped: string[] = []
    const gone = peer('gone', stopped, () => Promise.reject(new NotHere('no Python here')))
    const { targets } = await runPeers({ peers: [gone, peer('here', stopped)], cases })
    expect(targets).toMatchObject([
      { id: 'gone', notRun: 'no Python here' },
      { id: 'here', version: '1', results: { passes: { verdict: 'pass' }, fails: { verdict: 'fail', detail: 'came nothing' } } },
    ])
    expect(stopped).toEqual(['here'])
  })

  it('stops every target, also where a case throws', async () => {
    const stopped: string[] = []
    const throwing = conformanceCase('throws', () => Promise.reject(new Error('a fault of the suite')))
    const { targets } = await runPeers({ peers: [peer('one', stopped), peer('two', stopped)], cases: [throwing] })
    expect(targets).toMatchObject([{ totals: { error: 1 } }, { totals: { error: 1 } }])
    expect(stopped).toEqual(['one', 'two'])
  })

  it('does not take a mistake in setting up for a gateway that cannot be had', async () => {
    const broken = peer('broken', [], () => Promise.reject(new TypeError('a mistake')))
    await expect(runPeers({ peers: [broken], cases })).rejects.toThrow('a mistake')
  })

  it('describes each case once, whatever the number of targets', async () => {
    const run = await runPeers({ peers: [peer('one', []), peer('two', [])], cases })
    expect(run.cases.map(({ id }) => id)).toEqual(['passes', 'fails'])
    expect(JSON.stringify(run).split('Something.').length - 1).toBe(2)
  })
})
