import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { createDatabase, hasPostgres } from './databases.ts'
import { startWorker } from './workerd.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const workerd = join(root, 'node_modules/@cloudflare/workerd-linux-64/bin/workerd')
const seen = { rows: 3, exchanges: 20, isGranted: true, spent: '3', secret: 'made' }
const visit = fileURLToPath(new URL('runtime-visit.ts', import.meta.url))
const runtimes: readonly (readonly [name: string, binary: string, ...flags: string[]])[] = [
  ['Node', process.execPath, '--conditions=sluice-source'],
  ['Bun', join(root, 'node_modules/@oven/bun-linux-x64/bin/bun'), '--conditions=sluice-source'],
  ['Deno', join(root, 'node_modules/@deno/linux-x64-glibc/deno'), 'run', '--no-prompt', '--allow-all', '--conditions=sluice-source'],
]

describe.skipIf(!hasPostgres)('every port works', () => {
  for (const [name, binary, ...flags] of runtimes) {
    test.skipIf(!existsSync(binary))(`on ${name}`, async () => {
      const url = await createDatabase()
      const { stdout } = await promisify(execFile)(binary, [...flags, visit, url], {
        cwd: root,
        env: { ...process.env, DENO_DIR: join(tmpdir(), 'sluice-deno') },
      })
      expect(JSON.parse(stdout)).toEqual(seen)
    })
  }

  test.skipIf(!existsSync(workerd))('on workerd, through pg over its TCP sockets, for one request after the other', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-workerd-'))
    const worker = await startWorker(workerd, folder, await createDatabase())
    try {
      for (let request = 0; request < 2; request += 1) {
        const response = await fetch(worker.url)
        const text = await response.text()
        expect(response.status, text).toBe(200)
        expect(JSON.parse(text)).toEqual(seen)
      }
    } finally {
      await worker.stop()
      await rm(folder, { recursive: true })
    }
  })
})
