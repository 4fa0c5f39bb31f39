import { ConfigurationError } from '@sluice/core'
import { compareText } from '@sluice/core/ledger'
import { sampleEntry } from '@sluice/core/testing'
import { spawnSync } from 'node:child_process'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openSqlite } from '../src/index.ts'
import { startChild, temporaryFolder } from './processes.ts'

const folder = await temporaryFolder()

async function refusal(path: string): Promise<ConfigurationError> {
  const error: unknown = await openSqlite(path).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(ConfigurationError)
  return error as ConfigurationError
}

test('J6, R24: a second opener in the same process is refused, told who holds the file and what to do, and the first goes on', async () => {
  const path = join(folder, 'same.db')
  const first = await openSqlite(path)
  const { option, message } = await refusal(path)
  expect(option).toBe('openSqlite.path')
  expect(message).toContain(`${path} is held by this process (${process.pid}), since 20`)
  expect(message).toContain('give this one a file of its own')
  await first.ledger.append(sampleEntry())
  expect((await refusal(path)).message).toContain('held by this process')
  await first.close()
  const second = await openSqlite(path)
  expect(await second.ledger.exchanges({})).toHaveLength(1)
  await second.close()
})

test('J6, R24: a second process is refused at once, and has the file as soon as the first was killed', async () => {
  const path = join(folder, 'other.db')
  const child = startChild('hold', path)
  await child.said(1)
  const holder = (child.lines[0] as string).split(' ')[1] as string
  expect((await refusal(path)).message).toMatch(new RegExp(`is held by process ${holder} on .+, since 20`))
  await child.kill()
  expect(existsSync(`${path}-holder`)).toBe(true)
  const store = await openSqlite(path)
  expect((await refusal(path)).message).toContain(`held by this process (${process.pid})`)
  await store.close()
})

test('J6: of two processes that open one file at once exactly one has it', { timeout: 60_000 }, async () => {
  for (let round = 0; round < 5; round += 1) {
    const path = join(folder, `raced-${round}.db`)
    const children = [startChild('hold', path), startChild('hold', path)]
    await Promise.all(children.map((child) => child.said(1)))
    const said = children.map(({ lines }) => String(lines[0]).split(' ')[0] ?? '').toSorted(compareText)
    await Promise.all(children.map((child) => child.kill()))
    expect(said).toEqual(['failed', 'open'])
  }
})

test('a closed store leaves the file alone, and a file that it made is nobody else’s to read', async () => {
  const path = join(folder, 'closed.db')
  const store = await openSqlite(path)
  for (const suffix of ['', '-wal', '-holder']) expect(statSync(path + suffix).mode & 0o077, suffix).toBe(0)
  await store.close()
  await store.close()
  expect([existsSync(path), existsSync(`${path}-wal`), existsSync(`${path}-holder`)]).toEqual([true, false, false])
})

test('a note of who holds the file that is torn, or was left by a process that is gone, costs the refusal no more than the name', async () => {
  const path = join(folder, 'torn.db')
  const store = await openSqlite(path)
  writeFileSync(`${path}-holder`, '{"process":')
  expect((await refusal(path)).message).toContain('is held by another process.')
  const gone = spawnSync(process.execPath, ['--version']).pid
  writeFileSync(`${path}-holder`, JSON.stringify({ process: gone, host: hostname(), since: '2026-11-24T00:00:00.000Z' }))
  expect((await refusal(path)).message).toContain('is held by another process.')
  writeFileSync(`${path}-holder`, JSON.stringify({ process: gone, host: 'elsewhere', since: '2026-11-24T00:00:00.000Z' }))
  expect((await refusal(path)).message).toContain(`is held by process ${gone} on elsewhere, since 2026-11-24`)
  await store.close()
})
