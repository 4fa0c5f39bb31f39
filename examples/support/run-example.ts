import { startRehearsal, type Rehearsal } from '@sluice/rehearsal'
import { build } from 'esbuild'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** An example under way, before a scripted upstream. */
export interface RunningExample {
  readonly url: string
  readonly upstream: Rehearsal
  /** Lines that it wrote to stdout so far. */
  readonly lines: readonly string[]
  /** Asks it to end, as an operator would, and waits for it. */
  readonly stop: () => Promise<void>
}

/** How to start one. */
export interface ExampleCommand {
  readonly program: string
  readonly args: readonly string[]
}

/** Name and value of the environment variables that an example reads, besides where its upstream is. */
type Environment = Readonly<Record<string, string>>

export const upstreamKey = 'a-key-of-the-upstream'

const cleanUps: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp()
})

/** A rehearsal that takes only the upstream's key; closed after the test. */
export async function openUpstream(): Promise<Rehearsal> {
  const upstream = await startRehearsal({ pace: 0, requireKey: upstreamKey })
  cleanUps.push(() => upstream.close())
  return upstream
}

/** Starts an example's file on Node, from the sources, as `node FILE` would with built packages. */
export async function runExample(file: string, environment: Environment = {}): Promise<RunningExample> {
  return runCommand(
    { program: process.execPath, args: ['--conditions=sluice-source', '--disable-warning=ExperimentalWarning', join(root, 'examples', file)] },
    environment,
  )
}

/** Starts whatever runs an example; ready when it prints an address. */
export async function runCommand({ program, args }: ExampleCommand, environment: Environment = {}, opened?: Rehearsal): Promise<RunningExample> {
  const upstream = opened ?? (await openUpstream())
  const child = spawn(program, args, {
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: process.env['HOME'] ?? '/',
      NO_COLOR: '1',
      PORT: '0',
      UPSTREAM_URL: upstream.url,
      UPSTREAM_KEY: upstreamKey,
      DENO_DIR: join(root, 'node_modules/.cache/sluice-examples/deno'),
      DENO_NO_UPDATE_CHECK: '1',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let complaints = ''
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  cleanUps.push(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const lines: string[] = []
  const url = await new Promise<string>((resolve, reject) => {
    const look = (line: string): void => {
      const port = /(?:127\.0\.0\.1|localhost):(\d+)/.exec(line)?.[1] ?? /"port": ?(\d+)/.exec(line)?.[1]
      if (port !== undefined) resolve(`http://127.0.0.1:${port}`)
    }
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`the example ended with ${code}: ${complaints}`)))
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line)
      look(line)
    })
    createInterface({ input: child.stderr }).on('line', (line) => {
      complaints += `${line}\n`
      look(line)
    })
  })
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await exited
  }
  return { url, upstream, lines, stop }
}

/** What a message request needs beside its prompt. */
export interface AskOptions {
  readonly scenario?: string
  readonly isStream?: boolean
  readonly headers?: Readonly<Record<string, string>>
}

/** Sends one message request and reads the whole reply. */
export async function ask(
  url: string,
  { scenario = 'text; words=5', isStream = true, headers = {} }: AskOptions = {},
): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(`${url}/v1/messages?beta=true`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01', 'x-rehearsal-scenario': scenario, ...headers },
    body: JSON.stringify({ model: 'claude-opus-5-5', max_tokens: 256, stream: isStream, messages: [{ role: 'user', content: 'Hello' }] }),
  })
  return { status: response.status, text: await response.text() }
}

/** What the upstream sent as its first answer. */
export function sentByUpstream({ upstream }: RunningExample): string {
  return new TextDecoder().decode(upstream.calls[0]?.responseBytes)
}

/** A platform package's executable; undefined where it is not installed. */
export function optionalBinary(path: string): string | undefined {
  const file = join(root, 'node_modules', path)
  return existsSync(file) ? file : undefined
}

/** Bundles an example for a runtime that does not read the workspace. Returns the file. */
export async function bundleExample(file: string): Promise<string> {
  const outfile = join(root, 'node_modules/.cache/sluice-examples', file.replaceAll('/', '-').replace(/\.ts$/, '.mjs'))
  await build({
    entryPoints: [join(root, 'examples', file)],
    outfile,
    bundle: true,
    format: 'esm',
    target: 'es2024',
    platform: 'neutral',
    conditions: ['sluice-source'],
    logLevel: 'silent',
  })
  return outfile
}

/** Waits until a line holds what is asked for; what a process prints arrives when it likes. */
export async function lineWith(example: RunningExample, part: string): Promise<string> {
  for (let tries = 0; tries < 200; tries += 1) {
    const line = example.lines.find((candidate) => candidate.includes(part))
    if (line !== undefined) return line
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error(`no line with ${part}: ${example.lines.join('\n')}`)
}
