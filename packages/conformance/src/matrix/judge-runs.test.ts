import { expect, test } from 'vitest'
import { judgeRuns } from './judge-runs.ts'
import type { Observation } from './observation.ts'

const run = (transcript: string, body = '{"stream":true}'): Observation => ({
  exitCodes: [0],
  transcript: [`{"type":"${transcript}"}`],
  calls: [{ route: 'POST /v1/messages', headers: [], body }],
  shownMicroUsd: [1],
  recorded: undefined,
})
const aspects = (directs: readonly Observation[], through: Observation): readonly string[] =>
  judgeRuns(directs, through, {}).differences.map(({ aspect }) => aspect)

test('a run that is like any of those without a gateway is equal', () => {
  expect(judgeRuns([run('a'), run('b')], run('b'), {})).toEqual({ differences: [], differsByItself: [] })
})

test('a run that is like none of them differs, even where they are not all alike', () => {
  expect(aspects([run('a')], run('c'))).toEqual(['transcript'])
  expect(aspects([run('a'), run('b'), run('a')], run('c'))).toEqual(['transcript'])
})

test('where no two of them are alike nothing can be said, and other aspects are judged all the same', () => {
  const changed = run('c', '{"stream": true}')
  expect(judgeRuns([run('a'), run('b')], changed, {})).toMatchObject({ differences: [{ aspect: 'request bodies' }], differsByItself: ['transcript'] })
})
