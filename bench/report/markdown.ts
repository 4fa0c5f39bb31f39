import type { BenchRun } from '../run.ts'
import { tablesOf, type Table } from './tables.ts'

/** docs/performance.md: the figures of one run, and how they came about. */
export function performanceMarkdown(run: BenchRun): string {
  const { node, cpu, cores, memoryGigabytes, system } = run.machine
  return `# Performance

Made by \`npm run bench -- --publish\`; do not edit. Charts of the same figures: [performance.html](performance.html).

The run of ${run.startedAt.slice(0, 10)}: ${cores} cores of ${cpu}, ${memoryGigabytes} GB, ${system}, Node ${node.replace('v', '')}; ${Math.ceil(run.seconds / 60)} minutes.${run.isQuick ? ' **A quick run: a look, not a result.**' : ''}

**How it is measured.** Every gateway stands in front of the same scripted upstream on one machine, with the load generator beside it. Bodies are shaped
like Claude Code's, replies are streams. In each round every target has its turn at each size, so that what else the machine does hits all alike. CPU time
is read from the kernel for the target's own processes: the load generator's, the upstream's and a database's do not count. Ratios are within a round;
trust them more than times. Added delays are what is more than on the direct way.

${run.targets.map(({ title, version, about }) => `- **${title}** ${version === node ? '' : `${version} `}: ${about}`.replace(' :', ':')).join('\n')}
${run.notRun.map(({ title, why }) => `- not run: ${title}: ${why}\n`).join('')}
${tablesOf(run).map(section).join('\n')}`
}

function section({ title, about, columns, rows }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return `## ${title}

${about}

${[line(columns), `|${columns.map((_, index) => (index === 0 ? '---' : '---:')).join('|')}|`, ...rows.map(line)].join('\n')}
`
}
