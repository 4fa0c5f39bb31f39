import { GROUPS, type Group } from '../case.ts'
import { escaped, htmlPage } from './page.ts'
import type { PeerCaseResult, PeerResult, PeersRun } from './peers-run.ts'

type Case = PeersRun['cases'][number]

const marks = {
  pass: { mark: '✓', text: 'passes' },
  fail: { mark: '✗', text: 'fails' },
  error: { mark: '!', text: 'could not be judged' },
  skip: { mark: '–', text: 'not tried' },
} as const

/** A page with every case against every target. It needs no script and no network, and says under each case what was seen of whoever failed it. */
export function scoreboard(run: PeersRun): string {
  const ran = run.targets.filter((target) => 'results' in target)
  const notRun = run.targets.filter((target) => 'notRun' in target)
  const groups = GROUPS.filter((group) => run.cases.some((each) => each.group === group))
  const { node, cpu, cores, system } = run.machine
  const body = `<h1>Conformance of gateways for the Messages API</h1>
<p>${run.cases.length} cases against ${ran.length} gateways, each set up afresh on one machine in front of the same scripted upstream.
A case is a requirement with a source; what is at stake is its severity. Press a case to read what is asked, and what was seen of those that failed.</p>
<p class="quiet">${escaped(run.suite.name)} ${escaped(run.suite.version)}, ${run.startedAt.slice(0, 10)}. Node ${escaped(node.replace('v', ''))}, ${cores} cores of ${escaped(cpu)}, ${escaped(system)}.
Run it yourself: <code>npm run conformance -- --peers</code></p>
<h2>Totals</h2>
${totals(ran, run.cases.length)}
${notRun.length === 0 ? '' : `<p>Not run here:</p><ul>${notRun.map(({ title, notRun: why }) => `<li>${escaped(title)}: ${escaped(why)}</li>`).join('')}</ul>`}
<p class="quiet"><b>must</b>: Claude Code or an official SDK breaks, money is counted wrongly, or a secret gets out. <b>should</b>: something is lost that people rely on.
<b>may</b>: manners. “Not tried” are cases that the target is not set up for here, such as budgets of a gateway that has none.</p>
<h2>How they were set up</h2>
<ul>${run.targets.map(({ title, about }) => `<li><b>${escaped(title)}</b>: ${code(about)}</li>`).join('\n')}</ul>
<h2>Cases</h2>
<p class="quiet">${Object.values(marks)
    .map(({ mark, text }) => `<b>${mark}</b> ${text}`)
    .join(' &nbsp; ')}</p>
<nav aria-label="Groups of cases"><ul class="groups">${groups.map((group) => `<li><a href="#${group}">${titleOf(group)}</a></li>`).join('')}</ul></nav>
${groups
  .map((group) =>
    groupTable(
      group,
      run.cases.filter((each) => each.group === group),
      ran,
    ),
  )
  .join('\n')}`
  return htmlPage({ title: 'Conformance scoreboard', style, body })
}

function totals(ran: readonly PeerResult[], total: number): string {
  const rows = ran.map(({ title, version, totals: { pass, skip, error, failed } }) => {
    const tried = total - skip
    const share = tried === 0 ? 0 : Math.round((pass / tried) * 1000) / 10
    const bad = (count: number): string => (count === 0 ? '<td class="quiet">0</td>' : `<td class="fail">${count}</td>`)
    return `<tr><th scope="row">${escaped(title)} <span class="quiet">${escaped(version)}</span></th><td><b>${pass}</b> of ${tried}</td><td>${share} %</td>${bad(failed.must)}${bad(failed.should)}${bad(failed.may)}<td class="quiet">${error}</td><td class="quiet">${skip}</td></tr>`
  })
  return `<div class="scroll" tabindex="0" role="region" aria-label="Totals"><table>
<thead><tr><th scope="col">Gateway</th><th scope="col">passed</th><th scope="col">of those tried</th><th scope="col">failed: must</th><th scope="col">should</th><th scope="col">may</th><th scope="col">of which not judged</th><th scope="col">not tried</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table></div>`
}

function groupTable(group: Group, cases: readonly Case[], ran: readonly PeerResult[]): string {
  const heads = ran.map(({ title }) => `<th scope="col" class="target"><span>${escaped(title)}</span></th>`).join('')
  const counts = ran.map((target) => {
    const passed = cases.filter(({ id }) => target.results[id]?.verdict === 'pass').length
    const tried = cases.filter(({ id }) => !['skip', undefined].includes(target.results[id]?.verdict)).length
    return `<td>${tried === 0 ? '–' : `${passed}/${tried}`}</td>`
  })
  return `<section id="${group}"><h3>${titleOf(group)}</h3>
<div class="scroll" tabindex="0" role="region" aria-label="${titleOf(group)}"><table class="cases">
<thead><tr><th scope="col">Case</th>${heads}</tr></thead>
<tbody>${cases.map((each) => caseRow(each, ran)).join('\n')}</tbody>
<tfoot><tr><th scope="row">passed</th>${counts.join('')}</tr></tfoot></table></div></section>`
}

function caseRow(each: Case, ran: readonly PeerResult[]): string {
  const notes = ran.flatMap(({ title, results }) => {
    const result = results[each.id]
    return result?.detail === undefined || result.verdict === 'skip' ? [] : [`<li><b>${escaped(title)}</b>: ${escaped(result.detail)}</li>`]
  })
  const seen = notes.length === 0 ? '' : `<p>Seen:</p><ul>${notes.join('')}</ul>`
  const about = `<p>${escaped(each.requirement)}</p><p class="quiet">Source: ${escaped(each.source)}. <code>${escaped(each.id)}</code></p>${seen}`
  const cells = ran.map(({ title, results }) => cell(title, results[each.id]))
  return `<tr><th scope="row"><details><summary>${escaped(each.title)} <span class="severity">${each.severity}</span></summary>${about}</details></th>${cells.join('')}</tr>`
}

function cell(title: string, result: PeerCaseResult | undefined): string {
  const verdict = result?.verdict ?? 'skip'
  const { mark, text } = marks[verdict]
  return `<td class="${verdict}" title="${escaped(`${title}: ${text}`)}"><span aria-hidden="true">${mark}</span><span class="spoken">${text}</span></td>`
}

function titleOf(group: Group): string {
  const words = group.replaceAll('-', ' ').replace('http', 'HTTP').replace('claude code', 'Claude Code')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/** Text in which `this` is code. */
function code(text: string): string {
  return escaped(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>')
}

const style = `
h3 { font-size: 1rem; margin: 1.6rem 0 0.5rem; }
.groups { display: flex; flex-wrap: wrap; gap: 0.2rem 1rem; padding: 0; list-style: none; }
.cases th:first-child { min-width: 15rem; max-width: 34rem; position: sticky; left: 0; background: var(--paper); z-index: 1; }
.cases thead th:first-child, .cases tfoot th:first-child { background: var(--raised); vertical-align: bottom; }
.cases td, .cases .target { text-align: center; padding: 0.35rem 0.45rem; min-width: 2.3rem; }
.target { vertical-align: bottom; }
.target span { writing-mode: vertical-rl; transform: rotate(180deg); white-space: nowrap; }
tfoot th, tfoot td { background: var(--raised); font-size: 0.85rem; }
td.pass { color: var(--pass); } td.fail { color: var(--fail); font-weight: 700; } td.error { color: var(--error); font-weight: 700; } td.skip { color: var(--skip); }
.cases td.fail, .cases td.error { background: var(--failed); }
.severity { color: var(--quiet); font-size: 0.8rem; border: 1px solid var(--line); border-radius: 4px; padding: 0 0.3rem; white-space: nowrap; }
details p, details ul { font-size: 0.88rem; margin: 0.4rem 0; overflow-wrap: anywhere; }
details ul { padding-left: 1.2rem; }
.spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.cases td { position: relative; }
@media (max-width: 40rem) { .cases th:first-child { min-width: 11rem; max-width: 13rem; font-size: 0.82rem; } .cases td, .cases .target { padding: 0.3rem 0.2rem; min-width: 1.7rem; } }
`
