import { ledgerContract, sampleEntry } from '@sluice/core/testing'
import { appendFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { fileLedger, type FileLedger } from './file-ledger.ts'

const folder = await mkdtemp(join(tmpdir(), 'file-ledger-'))
afterAll(() => rm(folder, { recursive: true }))

const paths = new WeakMap<FileLedger, string>()
let files = 0

async function openLedger(path: string): Promise<FileLedger> {
  const ledger = await fileLedger(path)
  paths.set(ledger, path)
  return ledger
}

const contract = ledgerContract({
  create: () => openLedger(join(folder, `${(files += 1)}.jsonl`)),
  destroy: (ledger) => ledger.close(),
  reopen: async (ledger) => {
    await ledger.close()
    return openLedger(paths.get(ledger) as string)
  },
})

for (const { name, run } of contract) test(name, run)

test('a line that a crash has torn is dropped, and the next append stands on a line of its own', async () => {
  const path = join(folder, 'torn.jsonl')
  const ledger = await openLedger(path)
  await ledger.append(sampleEntry({ exchangeId: 'ex_1' }))
  await ledger.close()
  await appendFile(path, '{"exchangeId":"ex_2","started')
  const reopened = await openLedger(path)
  await reopened.append(sampleEntry({ exchangeId: 'ex_3' }))
  expect((await reopened.exchanges({})).map(({ exchangeId }) => exchangeId)).toEqual(['ex_3', 'ex_1'])
  await reopened.close()
})
