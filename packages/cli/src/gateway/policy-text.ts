import type { PolicyChange, PolicyDiffJson, PublicationJson } from '@sluice/admin'
import { table } from '../format/table.ts'
import { printable } from '../terminal.ts'

const maxLength = 400

/** A difference as lines: `+` what came, `-` what is gone, `~` what changed, `>` what moved. */
export function diffText({ from, to, changes }: PolicyDiffJson): string {
  const before = from === null ? 'No policy is in force' : `Policy ${from}`
  if (changes.length === 0) return `${before}: there is no difference.`
  return [`${before}; with ${to} instead:`, '', ...changes.flatMap(changeLines)].join('\n')
}

function changeLines({ path, kind, before, after }: PolicyChange): readonly string[] {
  const place = printable(path)
  if (kind === 'added') return [`+ ${place}: ${shown(after)}`]
  if (kind === 'removed') return [`- ${place}: ${shown(before)}`]
  if (kind === 'moved') return [`> ${place}: moved here`]
  return [`~ ${place}`, `    was ${shown(before)}`, `    is  ${shown(after)}`]
}

function shown(value: unknown): string {
  return printable(typeof value === 'string' ? value : JSON.stringify(value), maxLength)
}

/** Publications as a table, newest first. */
export function historyText(publications: readonly PublicationJson[]): string {
  return table(
    [{ title: 'no', align: 'right' }, ...['at', 'version', 'in place of', 'who', 'why'].map((title) => ({ title }))],
    publications.map(({ sequence, at, version, previousVersion, actor, reason }) => [
      String(sequence),
      at,
      version,
      previousVersion ?? '-',
      printable(actor, 64),
      reason === null ? '-' : printable(reason, 80),
    ]),
  )
}

/** A publication on one line. */
export function publicationText({ version, at, actor, reason }: PublicationJson): string {
  return `${version}, published ${at} by ${printable(actor, 64)}${reason === null ? '' : ` (${printable(reason, 200)})`}`
}
