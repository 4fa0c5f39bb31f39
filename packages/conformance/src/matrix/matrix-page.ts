import type { Difference } from './compare.ts'
import type { CellState, MatrixCell, MatrixReport } from './matrix-report.ts'

const WORDS: Readonly<Record<CellState, string>> = {
  equal: 'equal',
  differs: 'differs',
  'not-offered': 'not offered',
  'not-tried': 'not tried',
  failed: 'failed',
}

/** The report as a page of Markdown: scenarios by versions, and a footnote for each way in which something differs. */
export function matrixPage(report: MatrixReport): string {
  const notes = new Map<string, number>()
  const numberOf = (text: string): number => {
    const known = notes.get(text)
    if (known !== undefined) return known
    notes.set(text, notes.size + 1)
    return notes.size
  }
  const cellText = (cell: MatrixCell): string => {
    const text = noteOf(cell)
    return text === undefined ? WORDS[cell.state] : `${WORDS[cell.state]} <sup>${numberOf(text)}</sup>`
  }
  const cellsOf = (text: (cell: MatrixCell) => string): readonly (readonly string[])[] =>
    report.scenarios.map(({ id, title }) => [
      title,
      ...report.versions.map(({ version }) => {
        const cell = report.cells.find((each) => each.scenario === id && each.version === version)
        return cell === undefined ? 'not run' : text(cell)
      }),
    ])
  const table = (rows: readonly (readonly string[])[]): string =>
    [['scenario', ...report.versions.map(({ version }) => version)], Array.from({ length: report.versions.length + 1 }, () => '---'), ...rows]
      .map((cells) => `| ${cells.join(' | ')} |`)
      .join('\n')
  const compared = table(cellsOf(cellText))
  const models = ['default model', ...report.versions.map(({ model }) => (model === null ? '' : `\`${model}\``))]
  const released = ['released', ...report.versions.map(({ releasedOn }) => releasedOn ?? '')]
  const did = table([released, models, ...cellsOf(didText)])
  const remarks = new Set(
    report.scenarios.flatMap(({ id, remark }) =>
      remark !== undefined && report.cells.some(({ scenario, state }) => scenario === id && state === 'differs') ? [remark] : [],
    ),
  )
  const count = (state: CellState): number => report.cells.filter((cell) => cell.state === state).length
  const { name, version } = report.target
  return `# Versions of Claude Code

Real versions of Claude Code, each run without a gateway and through ${name}${version === null ? '' : ` ${version}`}, against the same
[scripted upstream](../packages/rehearsal/README.md). Run on ${report.date} (${report.platform}): ${count('equal')} cells are equal, ${count('differs')} differ,
${count('not-offered')} are not offered by the version. This page is generated: \`npm run conformance -- --claude-code --page docs/claude-code-versions.md\`.

**Equal** means: the same exit code, the same events on its output in the same order, the same requests at the upstream in the same order with the same headers and
the same body, byte for byte but for the ids and times that the client makes up in each run; the same cost shown; and the gateway's own record holds as many calls, and adds up
to the cost shown, to the micro-dollar. Where Claude Code does several things at once, their order is left out. Left out too are headers of one hop, the credential and
\`accept-encoding\` ([Forwarding](forwarding.md)). A run through the gateway is compared with up to three without one, and has to be like one of them; where no two of
those are alike, nothing is said (${report.cells.filter(({ differsByItself }) => differsByItself.length > 0).length} cells). Where a reply breaks off, Claude Code does not count
what it did not get whole, and the record is at least what it shows. The budget row compares a refusal by the gateway with the same refusal by the upstream.

${compared}

${[...notes].map(([text, number]) => `${number}. ${text}`).join('\n')}
${remarks.size === 0 ? '' : `\n## Why it differs\n\n${[...remarks].map((remark) => `${remark}.`).join('\n\n')}\n`}
## What the versions do without a gateway

Requests to the API, all steps of the scenario together, and how the last one ended. Retries are limited to two (\`CLAUDE_CODE_MAX_RETRIES\`) where the upstream fails.

${did}
`.replace(/\n+$/, '\n')
}

function didText({ state, calls: { direct }, ending }: MatrixCell): string {
  if (state === 'not-offered') return WORDS[state]
  return `${direct}${ending === 'error' ? ', error' : ending === null ? ', no result' : ''}`
}

function noteOf(cell: MatrixCell): string | undefined {
  if (cell.state === 'equal') return undefined
  if (cell.state === 'differs') return `Differs: ${cell.differences.map(noteOfDifference).join('; ')}.`
  return `${WORDS[cell.state].replace(/^\w/, (letter) => letter.toUpperCase())}: ${(cell.detail ?? '').replaceAll(/\s+/g, ' ').replace(/\.$/, '')}.`
}

function noteOfDifference({ aspect, detail }: Difference): string {
  return `${aspect} (${detail})`
}
