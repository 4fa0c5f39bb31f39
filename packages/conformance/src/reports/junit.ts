import { GROUPS } from '../case.ts'
import type { SuiteReport } from '../report.ts'
import { isFailed } from './table.ts'

/** A report as JUnit XML, which continuous integration servers read: one suite for each group. */
export function junitXml(report: SuiteReport): string {
  const suites = GROUPS.flatMap((group) => {
    const cases = report.cases.filter((each) => each.group === group)
    if (cases.length === 0) return []
    const count = (verdict: string): number => cases.filter((each) => each.verdict === verdict).length
    const seconds = cases.reduce((sum, { millis }) => sum + millis, 0) / 1000
    const lines = cases.map((each) => {
      const head = `    <testcase classname="${escaped(group)}" name="${escaped(`${each.id}: ${each.title}`)}" time="${(each.millis / 1000).toFixed(3)}"`
      const detail = escaped(each.detail ?? '')
      if (each.verdict === 'skip') return `${head}><skipped message="${detail}"/></testcase>`
      if (!isFailed(each)) return `${head}/>`
      const tag = each.verdict === 'error' ? 'error' : 'failure'
      return `${head}><${tag} type="${each.severity}" message="${detail}">${escaped(`${each.requirement}\nSource: ${each.source}`)}</${tag}></testcase>`
    })
    return [
      `  <testsuite name="${escaped(group)}" tests="${cases.length}" failures="${count('fail')}" errors="${count('error')}" skipped="${count('skip')}" time="${seconds.toFixed(3)}">`,
      ...lines,
      '  </testsuite>',
    ]
  })
  const { totals } = report
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="${escaped(`${report.suite.name} ${report.suite.version}: ${report.target.name}`)}" tests="${report.cases.length}" failures="${totals.fail}" errors="${totals.error}" skipped="${totals.skip}" time="${(report.millis / 1000).toFixed(3)}">`,
    ...suites,
    '</testsuites>',
    '',
  ].join('\n')
}

/** Text as XML takes it: characters that XML has not at all become a replacement character. */
function escaped(text: string): string {
  const shown = Array.from(text, (each) => {
    const code = each.codePointAt(0) ?? 0
    const isText = code === 9 || code === 10 || code === 13 || (code >= 32 && code !== 0xfffe && code !== 0xffff && !(code >= 0xd800 && code <= 0xdfff))
    return isText ? each : '\ufffd'
  }).join('')
  return shown.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll('\n', '&#10;')
}
