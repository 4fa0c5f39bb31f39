import { fork, type ChildProcess } from 'node:child_process'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'

/** What a child of the benchmark says: where it listens, how long its event loop was away, or that it has collected its garbage. */
export interface ChildReport {
  readonly port?: number
  readonly key?: string
  readonly stallMillis?: number
  readonly isCollected?: boolean
}

/** A process under measurement. */
export interface Child {
  readonly port: number
  readonly pid: number
  /** What its callers present. */
  readonly key: string
  /** The longest that the event loop was away since the last call. */
  readonly stallMillis: () => Promise<number>
  /** Collects all garbage. */
  readonly collect: () => Promise<void>
  readonly stop: () => void
}

/** Starts one of the scripts beside this file and waits for its port. */
export async function startChild(script: string, args: readonly string[] = [], flags: readonly string[] = []): Promise<Child> {
  const process_ = fork(fileURLToPath(new URL(script, import.meta.url)), args, {
    execArgv: ['--conditions=sluice-source', '--expose-gc', ...flags],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const kill = (): void => void process_.kill('SIGKILL')
  process.once('exit', kill)
  const { port, key = 'bench-secret-0123456789' } = await answer(process_)
  if (port === undefined) throw new Error(`${script} did not say where it listens`)
  return {
    port,
    pid: process_.pid as number,
    key,
    stallMillis: async () => {
      process_.send('stall')
      return (await answer(process_)).stallMillis as number
    },
    collect: async () => {
      process_.send('collect')
      await answer(process_)
    },
    stop: () => {
      process.off('exit', kill)
      kill()
    },
  }
}

function answer(child: ChildProcess): Promise<ChildReport> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void => reject(new Error(`a benchmark process ended with code ${code}`))
    child.once('exit', ended)
    child.once('message', (message) => {
      child.off('exit', ended)
      resolve(message as ChildReport)
    })
  })
}

/** The child's side: says where it listens, and answers questions about its own use. */
export function reportUsage(port: number, key?: string): void {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  process.on('message', (question) => {
    if (question === 'collect') {
      globalThis.gc?.()
      process.send?.({ isCollected: true } satisfies ChildReport)
      return
    }
    // Watched only from the first question on: the watch itself costs a timer every millisecond.
    process.send?.({ stallMillis: delay.enable() ? 0 : delay.max / 1e6 } satisfies ChildReport)
    delay.reset()
  })
  const report = { port, ...(key !== undefined && { key }) } satisfies ChildReport
  // Without a parent that listens, the port is for whoever reads the output.
  if (process.send === undefined) console.log(JSON.stringify(report))
  else process.send(report)
}
