import { appendFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { verbFile } from './verb-file.ts'

const folder = await mkdtemp(join(tmpdir(), 'verb-file-'))
afterAll(() => rm(folder, { recursive: true }))

async function replayed(path: string): Promise<readonly unknown[]> {
  const verbs: unknown[] = []
  const file = await verbFile(path, (verb) => void verbs.push(verb))
  await file.close()
  return verbs
}

test('a line that a crash has torn is dropped, and the next verb stands on a line of its own', async () => {
  const path = join(folder, 'torn.jsonl')
  const file = await verbFile(path, () => undefined)
  await file.perform('first', () => undefined)
  await file.close()
  await appendFile(path, '"seco')
  const reopened = await verbFile(path, () => undefined)
  await reopened.perform('third', () => undefined)
  await reopened.close()
  expect(await replayed(path)).toEqual(['first', 'third'])
})

test('an amount comes back to the last unit, and text that looks like one stays text', async () => {
  const path = join(folder, 'amounts.jsonl')
  const verb = { amount: 9_007_199_254_740_993n, text: '9007199254740993', nul: '\u00005' }
  const file = await verbFile(path, () => undefined)
  await file.perform(verb, () => undefined)
  await file.close()
  expect(await replayed(path)).toEqual([{ ...verb, nul: '\uFFFD5' }])
})
