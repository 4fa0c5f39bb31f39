import { GROUPS } from '../case.ts'
import type { CaseReport, SuiteReport } from '../report.ts'

/** How a table is printed. */
export interface TableOptions {
  /** Whether to use colours: on a terminal. */
  readonly isColoured: boolean
}

const COLOURS = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 } as const

/** A report for people: counts by group, and what failed with a line on why. */
export function reportTable(report: SuiteReport, { isColoured }: TableOptions): string {
  const paint = (colour: keyof typeof COLOURS, text: string): string => (isColoured ? `\u001b[${COLOURS[colour]}m${text}\u001b[0m` : text)
  const lines = [paint('bold', `${report.target.name}${report.target.version === null ? '' : ` ${report.target.version}`} at ${report.target.url}`), '']
  for (const group of GROUPS) {
    const cases = report.cases.filter((each) => each.group === group)
    if (cases.length === 0) continue
    const failed = cases.filter(isFailed)
    const skipped = cases.filter(({ verdict }) => verdict === 'skip')
    const counts = [
      `${cases.length - failed.length - skipped.length} passed`,
      ...(failed.length > 0 ? [`${failed.length} failed`] : []),
      ...(skipped.length > 0 ? [`${skipped.length} skipped`] : []),
    ]
    lines.push(`${failed.length > 0 ? paint('red', '✗') : paint('green', '✓')} ${group.padEnd(20)} ${counts.join(', ')}`)
    for (const each of failed) {
      lines.push(`    ${paint(each.severity === 'must' ? 'red' : 'yellow', each.severity.padEnd(6))} ${each.id}: ${each.title}`)
      lines.push(`           ${paint('dim', each.verdict === 'error' ? `the suite itself failed: ${each.detail ?? ''}` : (each.detail ?? ''))}`)
    }
    const reasons = new Map<string, number>()
    for (const { detail = '' } of skipped) reasons.set(detail, (reasons.get(detail) ?? 0) + 1)
    for (const [reason, count] of reasons) lines.push(`    ${paint('dim', `${count} skipped: ${reason}`)}`)
  }
  lines.push('', totalsLine(report))
  return lines.join('\n')
}

/** A report in one line. */
export function totalsLine({ totals, millis, cases }: SuiteReport): string {
  const { failed } = totals
  const failures =
    totals.fail + totals.error === 0 ? 'none failed' : `${totals.fail + totals.error} failed (${failed.must} must, ${failed.should} should, ${failed.may} may)`
  return `${cases.length} cases in ${(millis / 1000).toFixed(1)} s: ${totals.pass} passed, ${failures}, ${totals.skip} skipped`
}

/** Whether a case counts as failed: an error of the suite has shown nothing good. */
export function isFailed({ verdict }: Pick<CaseReport, 'verdict'>): boolean {
  return verdict === 'fail' || verdict === 'error'
}
