import { expect, test } from 'vitest'
import { GROUPS } from '../case.ts'
import { CASES } from './index.ts'

test('there are at least 150 cases, each with an id of its own', () => {
  expect(CASES.length).toBeGreaterThanOrEqual(150)
  expect(new Set(CASES.map(({ id }) => id)).size).toBe(CASES.length)
  for (const { id } of CASES) expect(id).toMatch(/^[A-Za-z0-9-]+$/)
})

test('each case says what it asks, and where that is from', () => {
  for (const { title, requirement, source } of CASES) {
    expect(title.length).toBeGreaterThan(10)
    expect(title).not.toMatch(/\.$/)
    expect(requirement).toMatch(/\.$/)
    expect(source.length).toBeGreaterThan(5)
  }
})

test('every group has cases', () => {
  expect(GROUPS.filter((group) => !CASES.some((each) => each.group === group))).toEqual([])
})
