import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

export { postgresBinaries } from './postgres-binaries.ts'

/** A PostgreSQL server of our own, in a folder of our own. */
export interface TestServer {
  readonly port: number
  /** Makes an empty database, and resolves with its URL. */
  readonly createDatabase: () => Promise<string>
  /** Processor time that the server's processes have used so far; of those that run. */
  readonly cpuMillis: () => number
  /** Pulls the plug. */
  readonly kill: () => Promise<void>
  /** Starts it again after `kill`, on the same data. */
  readonly start: () => Promise<void>
  /** Stops it and removes its data. */
  readonly stop: () => Promise<void>
}

/** PostgreSQL refuses to run as root. */
const owner = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Starts a server: durable settings, so that a crash loses nothing that was acknowledged. */
export async function startPostgres(binaries: string, settings: readonly string[] = []): Promise<TestServer> {
  const base = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
  const folder = mkdtempSync(join(base, 'sluice-pg-'))
  if (owner.uid !== undefined) chownSync(folder, owner.uid, owner.gid)
  const data = join(folder, 'data')
  mkdirSync(data, { mode: 0o700 })
  if (owner.uid !== undefined) chownSync(data, owner.uid, owner.gid)
  const initdb = spawnSync(
    join(binaries, 'initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync', '--no-instructions'],
    { ...owner, encoding: 'utf8' },
  )
  if (initdb.status !== 0) throw new Error(`initdb failed: ${initdb.stderr}`)
  const port = await freePort()
  let child: ChildProcess | undefined
  const adminUrl = `postgres://postgres@127.0.0.1:${port}/postgres`
  const start = async (): Promise<void> => {
    const flags = [
      'listen_addresses=127.0.0.1',
      `port=${port}`,
      `unix_socket_directories=${folder}`,
      'max_connections=200',
      'shared_buffers=256MB',
      ...settings,
    ]
    child = spawn(join(binaries, 'postgres'), ['-D', data, ...flags.flatMap((flag) => ['-c', flag])], { ...owner, stdio: 'ignore' })
    for (let attempt = 0; ; attempt += 1) {
      const client = new pg.Client({ connectionString: adminUrl })
      client.on('error', () => undefined)
      try {
        await client.connect()
        await client.end()
        return
      } catch (error) {
        if (attempt > 600) throw error
        await sleep(25)
      }
    }
  }
  const end = async (signal: 'SIGINT' | 'SIGKILL'): Promise<void> => {
    const running = child
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return
    const exited = new Promise((resolve) => running.once('exit', resolve))
    running.kill(signal)
    await exited
  }
  // A run that ends early leaves neither a server nor its data behind.
  const abandon = (): void => {
    child?.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', abandon)
  await start()
  return {
    port,
    createDatabase: async () => {
      const name = `t_${randomUUID().replaceAll('-', '')}`
      const client = new pg.Client({ connectionString: adminUrl })
      await client.connect()
      await client.query(`create database ${name}`)
      await client.end()
      return `postgres://postgres@127.0.0.1:${port}/${name}`
    },
    cpuMillis: () => childrenOf(child?.pid).reduce((sum, pid) => sum + cpuMillisOf(pid), 0),
    kill: async () => {
      // The children of a killed postmaster end by themselves, and a new one refuses to start before.
      const pids = childrenOf(child?.pid)
      await end('SIGKILL')
      for (const pid of pids) while (existsSync(`/proc/${pid}`)) await sleep(5)
    },
    start,
    stop: async () => {
      process.off('exit', abandon)
      await end('SIGINT')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function childrenOf(pid: number | undefined): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
  } catch {
    return []
  }
}

function cpuMillisOf(pid: string): number {
  try {
    // Behind the name, which may hold anything: user and system time are the 12th and 13th fields, in hundredths of a second.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) * 10
  } catch {
    return 0
  }
}
