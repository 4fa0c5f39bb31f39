import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const PACKAGE = '@anthropic-ai/claude-code'

/** The versions that the committed table shows, oldest first, and the day each was released: one every two or three months of 2026, and the newest two. */
export const MATRIX_VERSIONS: readonly { readonly version: string; readonly releasedOn: string }[] = [
  { version: '2.1.19', releasedOn: '2026-01-24' },
  { version: '2.1.76', releasedOn: '2026-03-14' },
  { version: '2.1.150', releasedOn: '2026-05-23' },
  { version: '2.1.220', releasedOn: '2026-07-25' },
  { version: '2.1.300', releasedOn: '2026-10-14' },
  { version: '2.1.330', releasedOn: '2026-11-20' },
  { version: '2.1.331', releasedOn: '2026-11-23' },
]

/** Claude Code of one version, ready to be run. */
export interface ClientVersion {
  readonly version: string
  /** The program and its first arguments: an executable, or Node with a script in versions that came before 2.1.113. */
  readonly command: readonly [string, ...string[]]
}

/** Claude Code as the lockfile pins it; `undefined` on platforms that it is not packaged for. */
export function pinnedClient(): ClientVersion | undefined {
  try {
    const manifest = createRequire(import.meta.url).resolve(`${platformPackage()}/package.json`)
    return clientIn(dirname(manifest))
  } catch {
    return undefined
  }
}

/**
 * Installs a version with npm, unless a former run has, and finds its executable. No script of the package is run.
 *
 * @param cache - where versions are kept, one folder each
 * @throws Error when npm cannot install it, or what it installed has no program for this platform
 */
export async function installedClient(version: string, cache: string): Promise<ClientVersion> {
  if (!/^\d+\.\d+\.\d+$/.test(version)) throw new Error(`"${version}" is not a version of Claude Code; name one like 2.1.330`)
  const pinned = pinnedClient()
  if (pinned?.version === version) return pinned
  const folder = join(cache, version)
  const found = clientBelow(folder)
  if (found !== undefined) return found
  mkdirSync(folder, { recursive: true })
  const words = ['install', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', '--no-save', '--silent']
  const { code, output } = await run('npm', [...words, `${PACKAGE}@${version}`])
  const installed = clientBelow(folder)
  if (code !== 0 || installed === undefined) throw new Error(`npm did not install ${PACKAGE}@${version}: ${output.slice(-500)}`)
  return installed
}

function platformPackage(): string {
  return `${PACKAGE}-${process.platform}-${process.arch}`
}

function clientBelow(folder: string): ClientVersion | undefined {
  const modules = join(folder, 'node_modules')
  return clientIn(join(modules, platformPackage())) ?? clientIn(join(modules, PACKAGE))
}

/** Newer versions are an executable in a package for each platform, older ones a script in the package itself. */
function clientIn(folder: string): ClientVersion | undefined {
  const manifest = join(folder, 'package.json')
  if (!existsSync(manifest)) return undefined
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }
  const program = join(folder, process.platform === 'win32' ? 'claude.exe' : 'claude')
  if (existsSync(program)) return { version, command: [program] }
  const script = join(folder, 'cli.js')
  return existsSync(script) ? { version, command: [process.execPath, script] } : undefined
}

async function run(program: string, words: readonly string[]): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const keep = (chunk: Buffer): void => {
    output += chunk.toString()
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  return await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, output }))
  })
}
