import { expect, it } from 'vitest'
import { matrixPage } from './matrix-page.ts'
import type { MatrixCell, MatrixReport } from './matrix-report.ts'
import { mergedReports } from './merge-reports.ts'
import { parseMatrixArguments } from './matrix-arguments.ts'
import { MATRIX_SCENARIOS } from './scenarios.ts'

const cell = (parts: Partial<MatrixCell>): MatrixCell => ({
  scenario: 'text',
  version: '1.0.0',
  state: 'equal',
  differences: [],
  differsByItself: [],
  ending: 'done',
  calls: { direct: 1, through: 1 },
  costUsd: 0,
  recordedUsd: null,
  ...parts,
})
const report: MatrixReport = {
  suite: { name: 'suite', version: '1' },
  target: { name: 'Gateway', version: '2' },
  date: '2026-01-02',
  platform: 'linux-x64',
  versions: [
    { version: '1.0.0', releasedOn: '2026-01-01', model: 'claude-a' },
    { version: '1.0.1', releasedOn: null, model: null },
  ],
  scenarios: [
    { id: 'text', title: 'a text' },
    { id: 'cut', title: 'a cut', remark: 'It cannot be helped' },
  ],
  cells: [
    cell({}),
    cell({ version: '1.0.1', state: 'not-offered', detail: 'no such flag' }),
    cell({ scenario: 'cut', state: 'differs', differences: [{ aspect: 'calls', detail: 'two, three' }], ending: 'error' }),
    cell({ scenario: 'cut', version: '1.0.1', state: 'differs', differences: [{ aspect: 'calls', detail: 'two, three' }] }),
  ],
}

it('the page is a table of scenarios by versions, with one footnote for each way to differ', () => {
  const page = matrixPage(report)
  expect(page).toContain('| a text | equal | not offered <sup>1</sup> |\n| a cut | differs <sup>2</sup> | differs <sup>2</sup> |')
  expect(page).toContain('\n1. Not offered: no such flag.\n2. Differs: calls (two, three).\n')
  expect(page).toContain('It cannot be helped.')
  expect(page).toContain('| released | 2026-01-01 |  |\n| default model | `claude-a` |  |\n| a text | 1 | not offered |\n| a cut | 1, error | 1 |')
})

it('reports of several runs become one, versions in order, the later run of a cell in place of the earlier', () => {
  const run = (version: string, state: MatrixCell['state']): MatrixReport => ({
    ...report,
    versions: [{ version, releasedOn: null, model: null }],
    cells: [cell({ version, state })],
  })
  const merged = mergedReports([run('1.0.10', 'equal'), run('1.0.9', 'failed'), run('1.0.9', 'equal')])
  expect(merged.cells.map(({ version, state }) => `${version} ${state}`)).toEqual(['1.0.9 equal', '1.0.10 equal'])
  expect(() => mergedReports([{ ...report, target: { name: 'Other', version: null } }, report])).toThrow('one report is of Other, another of Gateway 2')
})

it('ids of scenarios are unique', () => {
  expect(new Set(MATRIX_SCENARIOS.map(({ id }) => id)).size).toBe(MATRIX_SCENARIOS.length)
})

it('the command line takes versions and flags, and says what is wrong with it', () => {
  expect(parseMatrixArguments(['--claude-code', '2.1.330', '2.1.19', '--only', 'text', '--json'])).toMatchObject({
    versions: ['2.1.330', '2.1.19'],
    only: ['text'],
    target: 'sluice',
    isJson: true,
  })
  expect(parseMatrixArguments(['--target', 'nowhere'])).toEqual({ problem: '--target takes "sluice" or an address, not "nowhere"' })
  expect(parseMatrixArguments(['--target', 'http://127.0.0.1:1'])).toEqual({
    problem: 'with a --target of your own, --upstream-port says where it forwards to',
  })
  expect(parseMatrixArguments(['--upstream-port', '0'])).toEqual({ problem: '--upstream-port takes a number from 1 to 65535' })
  expect(parseMatrixArguments(['--what'])).toHaveProperty('problem', expect.stringContaining('Usage: sluice-conformance --claude-code'))
})
