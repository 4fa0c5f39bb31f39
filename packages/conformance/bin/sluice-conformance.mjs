#!/usr/bin/env node
// Runs the suite: in a clone its sources, which need no build; installed from a registry its dist.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const folder = dirname(dirname(fileURLToPath(import.meta.url)))
const [major, minor] = process.versions.node.split('.').map(Number)
const source = join(folder, 'src', 'main.ts')
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(`sluice-conformance needs Node 22.18 or newer, and this is ${process.version}.`)
  process.exitCode = 1
} else if (existsSync(source)) {
  const { status } = spawnSync(process.execPath, ['--conditions=sluice-source', '--disable-warning=ExperimentalWarning', source, ...process.argv.slice(2)], {
    stdio: 'inherit',
  })
  process.exitCode = status ?? 1
} else {
  await import(pathToFileURL(join(folder, 'dist', 'main.js')).href)
}
