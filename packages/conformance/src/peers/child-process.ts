import { spawn } from 'node:child_process'
import { connect, createServer, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { NotHere } from './peer.ts'

/** How a peer's process is started. */
export interface ChildCommand {
  readonly program: string
  readonly args: readonly string[]
  /** Beside `PATH`; nothing else of the caller's environment is passed on. */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Whom it runs as. */
  readonly userId?: number
}

/** A peer's process, the leader of its own group. */
export interface PeerChild {
  readonly pid: number
  /** The last of what it wrote, on both streams. */
  readonly complaints: () => string
  /** Resolves with what `find` makes of a line of its output, the first time that is not undefined. */
  readonly said: <Value>(find: (line: string) => Value | undefined, limitMillis?: number) => Promise<Value>
  /** Resolves once the port takes connections. @throws NotHere where the process ends before, or takes too long */
  readonly listensOn: (port: number, limitMillis?: number) => Promise<void>
  /** Kills the whole group. Idempotent. */
  readonly stop: () => Promise<void>
}

const startLimitMillis = 60_000
const running = new Set<number>()

/** A run that ends early leaves no gateway behind. */
process.once('exit', () => {
  for (const pid of running) killGroup(pid)
})

/** Groups of their own do not see the terminal's Ctrl-C, and a signal ends this process without its `exit`. */
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.once(signal, () => process.exit(code))

/** Starts a process with a group of its own, so that its children end with it. */
export function startChild({ program, args, env = {}, cwd, userId }: ChildCommand): PeerChild {
  const child = spawn(program, args, {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    ...(userId !== undefined && { uid: userId, gid: userId }),
  })
  let written = ''
  let failure: string | undefined
  const listeners = new Set<() => void>()
  const wake = (): void => {
    for (const listener of listeners) listener()
  }
  const take = (chunk: Buffer): void => {
    written = (written + chunk.toString()).slice(-20_000)
    wake()
  }
  child.stdout.on('data', take)
  child.stderr.on('data', take)
  const { pid = 0 } = child
  if (pid > 0) running.add(pid)
  const exited = new Promise<void>((resolve) => {
    const end = (why: string): void => {
      failure ??= why
      running.delete(pid)
      wake()
      resolve()
    }
    child.once('exit', (code, signal) => end(`it ended with ${code ?? signal}`))
    child.once('error', (error) => end(error.message))
  })
  const notHere = (why: string): NotHere => new NotHere(`${why}: ${lastLine(written)}`)
  const said: PeerChild['said'] = (find, limitMillis = startLimitMillis) =>
    new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(timer)
        listeners.delete(look)
        act()
      }
      const look = (): void => {
        for (const line of written.split('\n')) {
          const found = find(line)
          if (found !== undefined) return settle(() => resolve(found))
        }
        if (failure !== undefined) settle(() => reject(notHere(failure ?? '')))
      }
      const timer = setTimeout(() => settle(() => reject(notHere(`it said nothing of the kind within ${limitMillis} ms`))), limitMillis)
      listeners.add(look)
      look()
    })
  return {
    pid,
    complaints: () => written,
    said,
    listensOn: async (port, limitMillis = startLimitMillis) => {
      const until = Date.now() + limitMillis
      while (!(await takesConnections(port))) {
        if (failure !== undefined) throw notHere(failure)
        if (Date.now() > until) throw notHere(`it did not listen within ${limitMillis} ms`)
        await sleep(50)
      }
    },
    stop: async () => {
      if (pid > 0) killGroup(pid)
      await exited
    },
  }
}

/** A line of JSON with a port, as this project's own programs print it. */
export function portOf(line: string): number | undefined {
  if (!line.startsWith('{')) return undefined
  const { port } = JSON.parse(line) as { readonly port?: number }
  return port
}

/** A port that is free at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const answer = (takes: boolean): void => {
      socket.destroy()
      resolve(takes)
    }
    socket.once('connect', () => answer(true))
    socket.once('error', () => answer(false))
  })
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    // Gone already: what was wanted.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** The last line that names an error, else the last. */
function lastLine(written: string): string {
  const lines = written.trim().split('\n')
  return (lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1) ?? '').trim().slice(0, 300)
}
