import { describe, expect, it } from 'vitest'
import type { BenchRun } from '../run.ts'
import { performanceMarkdown } from './markdown.ts'
import { performancePage } from './performance-page.ts'

const speedOf = (target: string, kilobytes: number, cpuMillis: number, cpuRatio: number | null): BenchRun['speed'][number] => ({
  target,
  kilobytes,
  frames: 300,
  cpuMillis,
  cpuRatio,
  perSecondPerCore: Math.round(1000 / cpuMillis),
  exchanges: 100,
})

const run: BenchRun = {
  startedAt: '2026-11-24T12:00:00.000Z',
  seconds: 61,
  isQuick: false,
  machine: { node: 'v24.0.0', cpu: 'a CPU', cores: 2, memoryGigabytes: 8, system: 'Linux 6' },
  targets: [
    { id: 'bare-pipe', title: 'Bare pipe', about: 'the least', version: 'v24.0.0' },
    { id: 'other', title: 'Other <gateway>', about: 'run with `serve`', version: '1.2' },
  ],
  notRun: [{ id: 'gone', title: 'Gone', why: 'no Python here' }],
  speed: [speedOf('bare-pipe', 1, 1.5, 1), speedOf('bare-pipe', 350, 2, 1), speedOf('other', 1, 3, 2), speedOf('other', 350, 123.4, 61.7)],
  growth: [],
  latency: [{ target: 'other', addedFirstByteMillis: { p50: 1.234, p99: -0.5 }, addedPerEventMillis: { p50: 0.1, p99: 25 } }],
  memory: [{ target: 'other', idleMegabytes: 80.4, levels: [{ streams: 1_000, kilobytesPerStream: 12.345 }] }],
  stalls: [],
  micro: [{ what: 'split', by: 'a | b', per: 'event', microseconds: 0.123 }],
}

describe('the document', () => {
  const text = performanceMarkdown(run)

  it('shows times and ratios side by side, with three digits that matter', () => {
    expect(text).toContain('| Other <gateway> | 3.00 (2.00×) | 123 (61.70×) | 8 |')
  })

  it('leaves out what was not measured, and says who did not run', () => {
    expect(text).not.toContain('## Longest stall')
    expect(text).toContain('- not run: Gone: no Python here')
  })

  it('keeps a bar in a name from ending its cell', () => {
    expect(text).toContain('a \\| b')
  })

  it('says when the figures are of a quick run', () => {
    expect(text).not.toContain('quick run')
    expect(performanceMarkdown({ ...run, isQuick: true })).toContain('**A quick run: a look, not a result.**')
  })
})

describe('the page', () => {
  const page = performancePage(run)

  it('needs no script, no font, and nothing from anywhere', () => {
    expect(page).not.toMatch(/<script|<link|<img|https?:|url\(/)
  })

  it('has a table for every chart', () => {
    expect(page.match(/<svg/g)?.length).toBe(4)
    expect(page.match(/<table/g)?.length).toBe(5)
  })

  it('writes names and values beside the bars, as text', () => {
    expect(page).toContain('Other &lt;gateway&gt;</text>')
    expect(page).toContain('123 ms</text>')
  })
})
