import type { MatrixCell, MatrixReport } from './matrix-report.ts'

/**
 * Puts reports of several runs into one, versions oldest first. Where two hold the same cell, the later one counts; the rest of the heading, the date too, is
 * the last one's.
 *
 * @throws Error when they are of different targets, or there are none
 */
export function mergedReports(reports: readonly MatrixReport[]): MatrixReport {
  const last = reports.at(-1)
  if (last === undefined) throw new Error('there are no reports to merge')
  const other = reports.find(({ target }) => target.name !== last.target.name || target.version !== last.target.version)
  if (other !== undefined) throw new Error(`one report is of ${nameOf(other)}, another of ${nameOf(last)}`)
  const latest = <Item>(items: readonly Item[], key: (item: Item) => string): readonly Item[] => [
    ...new Map(items.map((item) => [key(item), item] as const)).values(),
  ]
  const known = reports.flatMap((report) => report.versions)
  // A run of few scenarios may not have seen the model.
  const modelOf = (version: string): string | null => known.findLast((each) => each.version === version && each.model !== null)?.model ?? null
  const versions = latest(
    known.map((each) => ({ ...each, model: modelOf(each.version) })),
    ({ version }) => version,
  ).toSorted((one, two) => compareVersions(one.version, two.version))
  const scenarios = latest(
    reports.flatMap((report) => report.scenarios),
    ({ id }) => id,
  )
  const cells = latest(
    reports.flatMap((report) => report.cells),
    ({ scenario, version }) => `${version} ${scenario}`,
  )
  const place = ({ scenario, version }: MatrixCell): number =>
    versions.findIndex((each) => each.version === version) * scenarios.length + scenarios.findIndex(({ id }) => id === scenario)
  return { ...last, versions, scenarios, cells: cells.toSorted((one, two) => place(one) - place(two)) }
}

function nameOf({ target: { name, version } }: MatrixReport): string {
  return version === null ? name : `${name} ${version}`
}

function compareVersions(one: string, other: string): number {
  const left = one.split('.').map(Number)
  const right = other.split('.').map(Number)
  const at = left.findIndex((part, index) => part !== right[index])
  return at < 0 ? 0 : (left[at] ?? 0) - (right[at] ?? 0)
}
