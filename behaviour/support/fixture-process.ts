import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'

/** A fixture under way. */
export interface FixtureProcess {
  readonly port: number
  readonly child: ChildProcess
  /** What it wrote to stderr so far. */
  readonly complaints: () => string
  readonly stop: () => Promise<void>
}

/** How to start one; it prints a JSON line with its `port` once it listens. */
export interface FixtureCommand {
  readonly program: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

export async function startFixture({ program, args, env = {}, cwd }: FixtureCommand): Promise<FixtureProcess> {
  const child = spawn(program, args, {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/', NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let complaints = ''
  child.stderr.on('data', (chunk: Buffer) => {
    complaints = (complaints + chunk.toString()).slice(-20_000)
  })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const port = await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`the fixture ended with ${code} before it listened: ${complaints}`)))
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (!line.startsWith('{')) return
      const said = JSON.parse(line) as { readonly port?: number }
      if (said.port !== undefined) resolve(said.port)
    })
  })
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL')
    await exited
  }
  return { port, child, complaints: () => complaints, stop }
}
