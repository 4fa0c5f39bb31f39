import { expect, test } from 'vitest'
import { maxTags, readTags } from './tags.ts'

test('tags come from every line of the header, the first of a name counts, and bad ones are dropped', () => {
  const tags = readTags(
    [
      ['X-Sluice-Tags', 'team=payments, Cost-Centre = 42 ; team=other, novalue, =x, __proto__=x, 9a=b'],
      ['x-sluice-tags', 'stage=dev, token=sk-ant-api03-abcdef, note=<b>'],
    ],
    'x-sluice-tags',
  )
  expect(tags).toEqual({ team: 'payments', 'cost-centre': '42', stage: 'dev' })
})

test('more than sixteen tags are cut', () => {
  const line = Array.from({ length: 40 }, (_, index) => `t${index}=v`).join(',')
  expect(Object.keys(readTags([['x-sluice-tags', line]], 'x-sluice-tags'))).toHaveLength(maxTags)
})
