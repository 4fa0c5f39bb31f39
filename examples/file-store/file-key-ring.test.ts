import { keyRingContract } from '@sluice/core/testing'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, test } from 'vitest'
import { fileKeyRing, type FileKeyRing } from './file-key-ring.ts'

const folder = await mkdtemp(join(tmpdir(), 'file-key-ring-'))
afterAll(() => rm(folder, { recursive: true }))

const paths = new WeakMap<FileKeyRing, string>()
let files = 0

async function openRing(path: string): Promise<FileKeyRing> {
  const ring = await fileKeyRing(path)
  paths.set(ring, path)
  return ring
}

const contract = keyRingContract({
  create: () => openRing(join(folder, `${(files += 1)}.jsonl`)),
  destroy: (ring) => ring.close(),
  reopen: async (ring) => {
    await ring.close()
    return openRing(paths.get(ring) as string)
  },
})

for (const { name, run } of contract) test(name, run)
