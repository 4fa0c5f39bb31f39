import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'

const bin = fileURLToPath(new URL('../bin/sluice.mjs', import.meta.url))

const children = new Set<ChildProcess>()
// What a failed test left running: the bin passes the signal on.
afterAll(() => {
  for (const child of children) child.kill('SIGTERM')
})

/** How a command ended. */
export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A command that runs. */
export interface Running {
  readonly child: ChildProcess
  readonly output: () => { readonly stdout: string; readonly stderr: string }
  readonly finished: Promise<Finished>
}

/** What a test may change of how the command is run. */
export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

/** Runs the real command through its bin, in a clean environment; a gateway keeps everything in memory unless its flags say otherwise. */
export function launch(args: readonly string[], { env = {}, cwd }: RunOptions = {}): Running {
  const child = spawn(process.execPath, [bin, ...args], {
    cwd,
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', TZ: 'UTC', SLUICE_STORE: 'memory', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.add(child)
  child.once('close', () => children.delete(child))
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const finished = new Promise<Finished>((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })))
  return { child, finished, output: () => ({ stdout, stderr }) }
}

/** Runs the command to its end. */
export function sluice(args: readonly string[], options?: RunOptions): Promise<Finished> {
  return launch(args, options).finished
}

/** A gateway that listens. */
export interface Gateway extends Running {
  readonly url: string
  /** Stops it and waits for its end. */
  readonly stop: () => Promise<Finished>
}

/** Starts a gateway, on a free port unless told otherwise, and waits for the line that says where. */
export async function startGateway(args: readonly string[], options?: RunOptions, port: readonly string[] = ['--port', '0']): Promise<Gateway> {
  const running = launch(['start', ...port, ...args], options)
  const url = await until(running, ({ stdout }) => /listening on (http:\S+)$/m.exec(stdout)?.[1] ?? /"event":"listening".*"url":"([^"]+)"/.exec(stdout)?.[1])
  const stop = (): Promise<Finished> => {
    running.child.kill('SIGTERM')
    return running.finished
  }
  return { ...running, url, stop }
}

/** Waits until a command's output shows something. */
export async function until<Value>(
  running: Running,
  look: (output: { readonly stdout: string; readonly stderr: string }) => Value | undefined,
): Promise<Value> {
  const deadline = Date.now() + 20_000
  for (;;) {
    const found = look(running.output())
    if (found !== undefined) return found
    if (running.child.exitCode !== null || Date.now() > deadline) throw new Error(`waited in vain; the command's output: ${JSON.stringify(running.output())}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** One request to the Messages API, as a minimal client sends it. */
export function ask(url: string, prompt: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(`${url}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01', 'x-api-key': 'any', ...headers },
    body: JSON.stringify({ model: 'claude-opus-5-5', max_tokens: 100, stream: true, messages: [{ role: 'user', content: prompt }] }),
  })
}
