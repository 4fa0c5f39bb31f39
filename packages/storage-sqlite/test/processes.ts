import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'

/** Makes a folder for a test file's databases, gone when its tests are. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'storage-sqlite-'))
  afterAll(() => rm(folder, { recursive: true }))
  return folder
}

/** A process that has a store. */
export interface Child {
  /** All lines that it has said. */
  readonly lines: readonly string[]
  /** Resolves once it has said so many lines, or has ended. */
  readonly said: (count: number) => Promise<void>
  /** Kills it with SIGKILL, and resolves once it is gone and all it said is in `lines`. */
  readonly kill: () => Promise<void>
}

/** Starts `child.ts`. */
export function startChild(...words: readonly string[]): Child {
  const script = fileURLToPath(new URL('child.ts', import.meta.url))
  const child: ChildProcess = spawn(process.execPath, ['--conditions=sluice-source', script, ...words], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  let onLine = (): void => undefined
  const reader = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  reader.on('line', (line) => {
    lines.push(line)
    onLine()
  })
  const isOver = once(reader, 'close')
  return {
    lines,
    said: (count) =>
      Promise.race([
        isOver.then(() => undefined),
        new Promise<void>((resolve) => {
          onLine = () => {
            if (lines.length >= count) resolve()
          }
          onLine()
        }),
      ]),
    kill: async () => {
      child.kill('SIGKILL')
      await isOver
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
  }
}
