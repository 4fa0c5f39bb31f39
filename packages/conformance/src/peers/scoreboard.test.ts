import { describe, expect, it } from 'vitest'
import { totalsOf } from '../report.ts'
import type { PeerResult, PeersRun } from './peers-run.ts'
import { scoreboard } from './scoreboard.ts'

const described = { requirement: 'The bytes are kept.', source: 'a public issue', severity: 'must' as const }
const cases: PeersRun['cases'] = [
  { id: 'body-plain', group: 'request-bytes', title: 'A body with <b>tags</b> arrives', ...described },
  { id: 'budget-race', group: 'budgets', title: 'A cap holds against a race', ...described },
]

function result(id: string, results: PeerResult['results']): PeerResult {
  const reports = cases.map((each) => ({ ...each, millis: 1, verdict: results[each.id]?.verdict ?? ('skip' as const) }))
  return { id, title: `Gateway ${id}`, about: 'Run with `serve`.', version: '1.2.3', millis: 10, totals: totalsOf(reports), results }
}

const run: PeersRun = {
  suite: { name: 'suite', version: '9.9.9' },
  startedAt: '2026-11-24T12:00:00.000Z',
  machine: { node: 'v24.0.0', cpu: 'a CPU', cores: 2, memoryGigabytes: 8, system: 'Linux 6' },
  cases,
  targets: [
    result('good', { 'body-plain': { verdict: 'pass' }, 'budget-race': { verdict: 'pass' } }),
    result('bad', { 'body-plain': { verdict: 'fail', detail: 'came "<script>"' }, 'budget-race': { verdict: 'skip', detail: 'no budget' } }),
    { id: 'gone', title: 'Gateway gone', about: 'Not to be had.', notRun: 'no Python here' },
  ],
}

describe('the scoreboard', () => {
  const page = scoreboard(run)

  it('needs no script, no font, and nothing from anywhere', () => {
    expect(page).not.toMatch(/<script|<link|<img|https?:|url\(/)
  })

  it('shows what a gateway answered as text, never as markup', () => {
    expect(page).toContain('came &quot;&lt;script&gt;&quot;')
    expect(page).toContain('A body with &lt;b&gt;tags&lt;/b&gt; arrives')
  })

  it('says each verdict in words beside its sign', () => {
    expect(page).toContain('<td class="pass" title="Gateway good: passes"><span aria-hidden="true">✓</span><span class="spoken">passes</span></td>')
    expect(page).toContain('title="Gateway bad: fails"')
    expect(page).toContain('title="Gateway bad: not tried"')
  })

  it('explains a failure under its case, and leaves out what was not tried', () => {
    expect(page).toContain('<li><b>Gateway bad</b>: came')
    expect(page).not.toContain('no budget')
  })

  it('lists a gateway that could not be had with the reason', () => {
    expect(page).toContain('<li>Gateway gone: no Python here</li>')
  })

  it('counts shares of what was tried', () => {
    expect(page).toContain('<b>2</b> of 2</td><td>100 %</td>')
    expect(page).toContain('<b>0</b> of 1</td><td>0 %</td>')
  })
})
