#!/usr/bin/env node
// Starts the sluice command on a Node that is new enough: this one, or the one that a clone's lockfile pins. In a clone it runs the sources,
// which need no build; installed from a registry it runs dist. Plain JavaScript for Node 18 and later, so that it can say what is missing.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const packageDirectory = dirname(dirname(fileURLToPath(import.meta.url)))
const source = join(packageDirectory, 'src', 'main.ts')
const isClone = existsSync(source)
const main = isClone ? source : join(packageDirectory, 'dist', 'main.js')

const [major, minor] = process.versions.node.split('.').map(Number)
const isNewEnough = major > 22 || (major === 22 && minor >= 18)

function pinnedNode() {
  const isWindows = process.platform === 'win32'
  const name = join(`node-${isWindows ? 'win' : process.platform}-${process.arch}`, 'bin', isWindows ? 'node.exe' : 'node')
  for (let directory = packageDirectory; ; directory = dirname(directory)) {
    const candidate = join(directory, 'node_modules', name)
    if (existsSync(candidate)) return candidate
    if (dirname(directory) === directory) return undefined
  }
}

/** Started by npm or npx, which pass SIGTERM to a shell that passes it to nobody: when they are gone, so is whoever wanted this. */
function endWithParent(end) {
  if (process.env.npm_lifecycle_event === undefined) return
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    end()
  }, 500)
  timer.unref()
}

const node = isNewEnough ? process.execPath : pinnedNode()
if (node === undefined) {
  console.error(`sluice needs Node 22.18 or newer, and this is ${process.version}. Install a newer one (https://nodejs.org), and try again.`)
  process.exitCode = 1
} else if (!isClone && isNewEnough) {
  endWithParent(() => process.kill(process.pid, 'SIGTERM'))
  await import(pathToFileURL(main).href)
} else {
  const conditions = isClone ? ['--conditions=sluice-source', '--disable-warning=ExperimentalWarning'] : []
  const child = spawn(node, [...conditions, main, ...process.argv.slice(2)], { stdio: 'inherit' })
  // On a terminal Ctrl-C reaches the child by itself; passed on as well it would count twice.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  }
  endWithParent(() => child.kill('SIGTERM'))
  child.on('error', (error) => {
    console.error(`sluice: cannot run ${node}: ${error.message}`)
    process.exitCode = 1
  })
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' ? 130 : signal === 'SIGTERM' ? 143 : 1)
  })
}
