import { expect, test } from 'vitest'
import type { CaseReport, SuiteReport } from '../report.ts'
import { totalsOf } from '../report.ts'
import { junitXml } from './junit.ts'
import { knownLimitations } from './known-limitations.ts'
import { reportTable } from './table.ts'

const cases: readonly CaseReport[] = [
  { id: 'good', group: 'request-bytes', title: 'It is good', requirement: 'Be good.', source: 'RFC 1', severity: 'must', verdict: 'pass', millis: 12 },
  {
    id: 'bad',
    group: 'errors',
    title: 'It is <not> "bad"',
    requirement: 'Be not bad.',
    source: 'litellm#1',
    severity: 'must',
    verdict: 'fail',
    detail: 'a\u0000b & \ud800 <html>',
    millis: 3,
  },
  {
    id: 'odd',
    group: 'errors',
    title: 'It is odd',
    requirement: 'Be odd.',
    source: 'RFC 2',
    severity: 'may',
    verdict: 'error',
    detail: 'TypeError',
    millis: 1,
  },
  {
    id: 'left',
    group: 'budgets',
    title: 'It is left',
    requirement: 'Be left.',
    source: 'RFC 3',
    severity: 'must',
    verdict: 'skip',
    detail: 'no budget',
    millis: 0,
  },
]
const report: SuiteReport = {
  suite: { name: 'suite', version: '1' },
  target: { name: 'A gateway', version: '2.0', url: 'http://127.0.0.1:1' },
  startedAt: '2026-11-24T00:00:00.000Z',
  millis: 16,
  totals: totalsOf(cases),
  cases,
}

test('totals count failures by severity, and an error of the suite as a failure', () => {
  expect(report.totals).toEqual({ pass: 1, fail: 1, skip: 1, error: 1, failed: { must: 1, should: 0, may: 1 } })
})

test('a table names each failure with a line on why, and has colours on a terminal only', () => {
  const plain = reportTable(report, { isColoured: false })
  expect(plain).not.toContain('\u001b')
  expect(plain).toContain('bad: It is <not> "bad"')
  expect(plain).toContain('the suite itself failed: TypeError')
  expect(plain).toContain('4 cases in 0.0 s: 1 passed, 2 failed (1 must, 0 should, 1 may), 1 skipped')
  expect(reportTable(report, { isColoured: true })).toContain('\u001b[31m')
})

test('JUnit XML escapes what XML has no place for', () => {
  const xml = junitXml(report)
  expect(xml).toContain('tests="4" failures="1" errors="1" skipped="1"')
  expect(xml).toContain('message="a\ufffdb &amp; \ufffd &lt;html&gt;"')
  expect(xml).not.toMatch(/\0|<html>/)
  expect(xml.split('<testcase').length - 1).toBe(4)
})

test('known limitations hold every failure with its reason, and what was not tried', () => {
  const page = knownLimitations(report, { bad: 'because' })
  expect(page).toContain('\n`bad`, must. Be not bad.')
  expect(page).toContain('Why: because')
  expect(page).toContain('- `left`: no budget')
  expect(page).not.toContain('`good`')
})

test('what has a reason and passed is said to fail at times', () => {
  const page = knownLimitations(report, { good: 'a race' })
  expect(page).toContain('## At times: It is good')
  expect(page).toContain('Why: a race')
})
