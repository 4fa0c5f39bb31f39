import type { Verdict } from '../case.ts'
import type { SuiteReport } from '../report.ts'
import { isFailed, totalsLine } from './table.ts'

/** Why a case is not met, by its id, or by a set-up's id and the case's (`sluice-deno/abort-json`): written by whoever knows the gateway. A case that has a reason and passed fails at times. */
export type LimitationReasons = Readonly<Record<string, string>>

/** The same gateway in another set-up, as a run of several targets found it. */
export interface OtherSetUp {
  readonly id: string
  readonly title: string
  readonly results: Readonly<Record<string, { readonly verdict: Verdict['verdict']; readonly detail?: string | undefined }>>
}

/**
 * A page of Markdown on what a gateway does not do: each failed case of a report, with what was seen and, where somebody has given one, the reason.
 * Of the same gateway in other set-ups, what fails there beside that.
 */
export function knownLimitations(report: SuiteReport, reasons: LimitationReasons, others: readonly OtherSetUp[] = []): string {
  const failed = report.cases.filter(isFailed)
  const title = `${report.target.name}${report.target.version === null ? '' : ` ${report.target.version}`}`
  const lines = [
    '# Known limitations',
    '',
    `What ${title} does not do of the ${report.cases.length} cases of ${report.suite.name} ${report.suite.version}. Made from a report of ${report.startedAt.slice(0, 10)}; do not edit.`,
    '',
  ]
  const atTimes = report.cases.filter((each) => each.verdict === 'pass' && reasons[each.id] !== undefined)
  if (failed.length === 0)
    lines.push(
      atTimes.length === 0
        ? others.length === 0
          ? 'Nothing that the suite knows of.'
          : 'Nothing in this set-up.'
        : 'Nothing that the suite shows on every run.',
      '',
    )
  for (const each of failed) {
    lines.push(`## ${each.title}`, '', `\`${each.id}\`, ${each.severity}. ${each.requirement}`, '', `Seen: ${each.detail ?? 'a failure'}.`, '')
    const reason = reasons[each.id]
    if (reason !== undefined) lines.push(`Why: ${reason}`, '')
    lines.push(`Source: ${each.source}.`, '')
  }
  for (const each of atTimes) {
    lines.push(
      `## At times: ${each.title}`,
      '',
      `\`${each.id}\`, ${each.severity}. ${each.requirement}`,
      '',
      'Seen: it passed in this run, and has failed in others.',
      '',
    )
    lines.push(`Why: ${reasons[each.id] ?? ''}`, '', `Source: ${each.source}.`, '')
  }
  for (const { id: setUp, title: name, results } of others) {
    const failedThere = report.cases.filter(({ id, verdict }) => isFailed({ verdict: results[id]?.verdict ?? 'skip' }) && !isFailed({ verdict }))
    lines.push(`## ${name}`, '', failedThere.length === 0 ? 'Nothing beside the above.' : 'Beside the above:', '')
    for (const { id, severity, title: what } of failedThere) {
      const reason = reasons[`${setUp}/${id}`]
      lines.push(`- \`${id}\`, ${severity}: ${what}. Seen: ${short(results[id]?.detail ?? 'a failure')}.${reason === undefined ? '' : ` Why: ${reason}`}`)
    }
    lines.push('')
  }
  const skipped = report.cases.filter(({ verdict }) => verdict === 'skip')
  if (skipped.length > 0) {
    lines.push('', '## Not tried', '', ...skipped.map(({ id, detail }) => `- \`${id}\`: ${detail ?? ''}`))
  }
  lines.push('', `${totalsLine(report).replace(/ in [\d.]+ s/, '')}.`, '')
  return lines.join('\n').replaceAll(/\n{3,}/g, '\n\n')
}

/** Lists of lost headers and the like are as long as what was sent. */
function short(detail: string): string {
  return detail.length <= 120 ? detail : `${detail.slice(0, 120)}…`
}
