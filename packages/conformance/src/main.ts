import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { runCommand } from './command.ts'

/** Commands that set up real gateways and clients: they need a clone of the repository, and are not in the package. */
const CLONE_COMMANDS: readonly (readonly [flag: string, file: string, name: string])[] = [
  ['--peers', 'peers/main.ts', 'runPeersCommand'],
  ['--claude-code', 'matrix/index.ts', 'runMatrix'],
]

async function main(words: readonly string[]): Promise<number> {
  for (const [flag, file, name] of CLONE_COMMANDS) {
    if (!words.includes(flag)) continue
    const path = join(import.meta.dirname, file)
    if (!existsSync(path)) {
      process.stderr.write(`${flag} works in a clone of the repository only\n`)
      return 2
    }
    const module = (await import(pathToFileURL(path).href)) as Readonly<Record<string, (words: readonly string[]) => Promise<number>>>
    const command = module[name]
    if (command === undefined) throw new Error(`${file} has no ${name}`)
    return command(words)
  }
  return runCommand(words, {
    print: (text) => process.stdout.write(`${text}\n`),
    say: (text) => process.stderr.write(`${text}\n`),
    isTerminal: process.stdout.isTTY,
  })
}

// Whoever reads the output may have read enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

process.exitCode = await main(process.argv.slice(2))
