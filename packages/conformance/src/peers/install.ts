import { spawnSync, type SpawnSyncReturns } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { NotHere, type PeerOptions } from './peer.ts'
import { cacheFolder, nodeFolder } from './repository.ts'

/** A package from npm at a fixed version, with the versions that some of its dependencies have to have. */
export interface NpmPackage {
  readonly name: string
  readonly version: string
  readonly overrides?: Readonly<Record<string, string>>
}

/**
 * Installs a package into the cache, once per version, without running its scripts. Returns the package's folder.
 *
 * @throws NotHere where the registry does not have it or is out of reach
 */
export function npmInstalled({ name, version, overrides = {} }: NpmPackage, { onProgress }: PeerOptions): string {
  const manifest = JSON.stringify({ private: true, dependencies: { [name]: version }, overrides })
  return installedOnce(name.replaceAll(/[^\w.-]/g, '-'), manifest, join('node_modules', name), (folder) => {
    onProgress?.(`installing ${name}@${version}`)
    writeFileSync(join(folder, 'package.json'), manifest)
    const path = [nodeFolder, process.env['PATH'] ?? ''].join(':')
    return spawnSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, PATH: path },
      timeout: 300_000,
    })
  })
}

/**
 * Makes a Python environment with a package at a fixed version in the cache. Returns the environment's folder.
 *
 * @throws NotHere where there is no Python, or the package cannot be had
 */
export function pythonInstalled(requirement: string, { onProgress }: PeerOptions): string {
  return installedOnce(requirement.replaceAll(/[^\w.]+/g, '-'), requirement, 'venv', (folder) => {
    onProgress?.(`installing ${requirement} (takes a minute)`)
    const made = spawnSync('python3', ['-m', 'venv', join(folder, 'venv')], { encoding: 'utf8' })
    if (made.status !== 0) return made
    return spawnSync(join(folder, 'venv/bin/pip'), ['install', '--quiet', '--disable-pip-version-check', requirement], { encoding: 'utf8', timeout: 600_000 })
  })
}

/** The stamp is written last: an installation that was cut off is begun anew. */
function installedOnce(name: string, wanted: string, result: string, install: (folder: string) => SpawnSyncReturns<string>): string {
  const folder = cacheFolder(name)
  const stamp = join(folder, 'installed')
  const hash = createHash('sha256').update(wanted).digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return join(folder, result)
  rmSync(folder, { recursive: true })
  cacheFolder(name)
  const { status, stderr, error } = install(folder)
  if (status !== 0) throw new NotHere(`${name} could not be installed: ${error?.message ?? stderr.trim().split('\n').at(-1)}`)
  writeFileSync(stamp, hash)
  return join(folder, result)
}
