import { escaped, htmlPage } from '../../packages/conformance/src/peers/page.ts'
import type { BenchRun } from '../run.ts'
import { barChart, chartStyle } from './bar-chart.ts'
import { tablesOf, type Table } from './tables.ts'

/** The figures of one run with charts: a page that needs no script and no network. Every chart has its table. */
export function performancePage(run: BenchRun): string {
  const { node, cpu, cores, memoryGigabytes, system } = run.machine
  const body = `<h1>Performance of gateways for the Messages API</h1>
<p>Every gateway in front of the same scripted upstream on one machine, in turns, so that what else the machine does hits all alike. The figure to go by
is CPU time per exchange, from the kernel’s books of each target’s own processes.</p>
<p class="quiet">The run of ${run.startedAt.slice(0, 10)}: ${cores} cores of ${escaped(cpu)}, ${memoryGigabytes} GB, ${escaped(system)}, Node ${escaped(node.replace('v', ''))}; ${Math.ceil(run.seconds / 60)} minutes.
Run it yourself: <code>npm run bench</code></p>
${run.isQuick ? '<p><b>A quick run: a look, not a result.</b></p>' : ''}
<ul>${run.targets.map(({ title, version, about }) => `<li><b>${escaped(title)}</b> ${version === node ? '' : escaped(version)}: ${code(about)}</li>`).join('')}</ul>
${run.notRun.map(({ title, why }) => `<p>Not run: ${escaped(title)}: ${escaped(why)}</p>`).join('')}
${tablesOf(run).map(section).join('\n')}`
  return htmlPage({
    title: 'Performance',
    style: `${chartStyle}section { margin-bottom: 2rem; } .scroll + .scroll { margin-top: 0.8rem; } .chart { padding: 0.8rem; } .words { text-align: left; } th:first-child { min-width: 9rem; } thead td { background: var(--raised); border-top: 0; }`,
    body,
  })
}

function section({ title, about, columns, rows, chart }: Table): string {
  const drawn =
    chart === undefined ? '' : `<div class="scroll chart" tabindex="0" role="region" aria-label="${escaped(title)}: chart">${barChart(chart, title)}</div>`
  const head = columns.map((column, index) => (index === 0 ? '<td></td>' : `<th scope="col">${escaped(column)}</th>`)).join('')
  const cellOf = (cell: string): string => (/^[–\d-]/.test(cell) ? `<td>${escaped(cell)}</td>` : `<td class="words">${escaped(cell)}</td>`)
  const lines = rows.map(([name = '', ...cells]) => `<tr><th scope="row">${escaped(name)}</th>${cells.map(cellOf).join('')}</tr>`)
  return `<section><h2>${escaped(title)}</h2><p>${escaped(about)}</p>${drawn}
<div class="scroll" tabindex="0" role="region" aria-label="${escaped(title)}: table"><table><thead><tr>${head}</tr></thead><tbody>${lines.join('')}</tbody></table></div></section>`
}

/** Text in which `this` is code. */
function code(text: string): string {
  return escaped(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>')
}
