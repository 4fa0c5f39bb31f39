import { fork, type ChildProcess } from 'node:child_process'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'

/** What a child of the benchmark answers: where it listens, or what it has used so far. */
export interface ChildReport {
  readonly port?: number
  readonly key?: string
  readonly cpuMicros?: number
  readonly rssBytes?: number
  readonly heapBytes?: number
  readonly stallMillis?: number
}

/** A process under measurement. Its CPU time is read from the kernel by itself, so the load generator's and the upstream's do not count. */
export interface Child {
  readonly port: number
  /** What its callers present. */
  readonly key: string
  /** CPU time since its start. */
  readonly cpuMicros: () => Promise<number>
  /** Memory after a full collection. */
  readonly memory: () => Promise<{ readonly rssBytes: number; readonly heapBytes: number }>
  /** The longest that the event loop was away since the last call. */
  readonly stallMillis: () => Promise<number>
  readonly stop: () => void
}

/** Starts one of the scripts beside this file and waits for its port. */
export async function startChild(script: string, args: readonly string[] = []): Promise<Child> {
  const process_ = fork(fileURLToPath(new URL(script, import.meta.url)), args, {
    execArgv: ['--conditions=sluice-source', '--expose-gc'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const { port, key = 'bench-secret-0123456789' } = await answer(process_)
  if (port === undefined) throw new Error(`${script} did not say where it listens`)
  return {
    port,
    key,
    cpuMicros: async () => {
      process_.send('cpu')
      return (await answer(process_)).cpuMicros as number
    },
    memory: async () => {
      process_.send('memory')
      const { rssBytes, heapBytes } = await answer(process_)
      return { rssBytes: rssBytes as number, heapBytes: heapBytes as number }
    },
    stallMillis: async () => {
      process_.send('stall')
      return (await answer(process_)).stallMillis as number
    },
    stop: () => void process_.kill('SIGKILL'),
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

/** The child's side: answers questions about its own use. */
export function reportUsage(port: number, key?: string): void {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  process.on('message', (question) => {
    if (question === 'cpu') {
      const { user, system } = process.cpuUsage()
      process.send?.({ cpuMicros: user + system } satisfies ChildReport)
    } else if (question === 'stall') {
      // Watched only from the first question on: the watch itself costs a timer every millisecond.
      process.send?.({ stallMillis: delay.enable() ? 0 : delay.max / 1e6 } satisfies ChildReport)
      delay.reset()
    } else {
      globalThis.gc?.()
      const { rss, heapUsed } = process.memoryUsage()
      process.send?.({ rssBytes: rss, heapBytes: heapUsed } satisfies ChildReport)
    }
  })
  process.send?.({ port, ...(key !== undefined && { key }) } satisfies ChildReport)
}
