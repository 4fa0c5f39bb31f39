// Runs a task of this repository on a bare machine: any Node from 18 on, with npm. Installs what the lockfile pins, then runs the task on a
// Node that is new enough: the one that runs this, or the one that the lockfile pins for this platform. Has no dependencies of its own.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const pnpmVersion = '12.21.0'
const isWindows = process.platform === 'win32'

function install() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'pnpm-lock.yaml')))
    .digest('hex')
  const stamp = join(root, 'node_modules', '.lock-stamp')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  console.error('Installing dependencies (once per change of the lockfile)…')
  // Their output goes to stderr: what a task prints on stdout is for whoever drives it.
  const { error, status } = spawnSync('npx', ['--yes', `pnpm@${pnpmVersion}`, 'install', '--frozen-lockfile'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: isWindows,
  })
  if (error) throw error
  if (status !== 0) process.exit(status ?? 1)
  writeFileSync(stamp, lock)
}

function findNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > 22 || (major === 22 && minor >= 18)) return process.execPath
  const pinned = join(root, 'node_modules', `node-${isWindows ? 'win' : process.platform}-${process.arch}`, 'bin', isWindows ? 'node.exe' : 'node')
  if (existsSync(pinned)) return pinned
  console.error(
    `Sluice needs Node 22.18 or newer; this is ${process.version}, and no Node is packaged for ${process.platform}-${process.arch}. Install one and try again.`,
  )
  return process.exit(1)
}

install()
const node = findNode()
const env = { ...process.env, PATH: [dirname(node), join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter) }

/** Runs a program and ends with its exit code if that is not 0. */
function run(program, args) {
  const { error, status } = spawnSync(program, args, { cwd: root, stdio: 'inherit', env, shell: false })
  if (error) throw error
  if (status !== 0) process.exit(status ?? 1)
}

// By default V8 lets its young generation grow to 128 MB while streams open, and keeps it (measured); a gateway's exchanges do not need it.
const gatewayFlags = ['--max-semi-space-size=16', '--conditions=sluice-source', '--disable-warning=ExperimentalWarning']

/** Runs the command line in the caller's directory, passing signals on so that it can drain. */
function sluice(args) {
  const child = spawn(node, [...gatewayFlags, join(root, 'packages/cli/src/main.ts'), ...args], {
    cwd: process.env.INIT_CWD ?? process.cwd(),
    stdio: 'inherit',
    env,
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  // npm runs this under a shell that dies of a signal without passing it on: when the parent is gone, so is whoever wanted the gateway.
  const parent = process.ppid
  setInterval(() => {
    if (process.ppid !== parent) child.kill('SIGTERM')
  }, 500).unref()
  child.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 128)))
}

const bin = (name) => join(root, 'node_modules', '.bin', name)
const tsc = [join(root, 'node_modules/typescript/bin/tsc')]
const vitest = join(root, 'node_modules/vitest/vitest.mjs')

const tasks = {
  start: (args) => sluice(['start', ...args]),
  sluice,
  test: (args) => run(node, [vitest, 'run', ...args]),
  bench: (args) => run(node, ['--conditions=sluice-source', join(root, 'bench/main.ts'), ...args]),
  conformance: (args) => run(node, ['--conditions=sluice-source', join(root, 'packages/conformance/src/main.ts'), ...args]),
  build: () => {
    run('npx', ['--yes', `pnpm@${pnpmVersion}`, '--recursive', '--filter', './packages/*', 'run', 'build'])
    run(node, [...tsc, '-b', 'tsconfig.build.json'])
  },
  // Everything that CI asks of the source besides the tests.
  check: () => {
    run(node, [...tsc, '-p', 'tsconfig.json'])
    run(bin('oxfmt'), ['--check'])
    run(bin('oxlint'), ['--type-aware'])
    tasks.build()
    run(node, [join(root, 'tools/check-packages.mjs')])
  },
}

const [task, ...args] = process.argv.slice(2)
if (tasks[task] === undefined) {
  console.error(`unknown task "${task ?? ''}"; there are: ${Object.keys(tasks).join(', ')}`)
  process.exit(2)
}
tasks[task](args)
