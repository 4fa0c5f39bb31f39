import { budgetBookContract, manualClock } from '@sluice/core/testing'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, test } from 'vitest'
import { fileBudgetBook, type FileBudgetBook } from './file-budget-book.ts'

const folder = await mkdtemp(join(tmpdir(), 'file-budget-book-'))
afterAll(() => rm(folder, { recursive: true }))

const paths = new WeakMap<FileBudgetBook, string>()
let files = 0

async function openBook(path: string): Promise<FileBudgetBook> {
  const book = await fileBudgetBook(path, manualClock())
  paths.set(book, path)
  return book
}

const contract = budgetBookContract({
  create: () => openBook(join(folder, `${(files += 1)}.jsonl`)),
  destroy: (book) => book.close(),
  reopen: async (book) => {
    await book.close()
    return openBook(paths.get(book) as string)
  },
})

for (const { name, run } of contract) test(name, run)
