import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository's root. */
export const root: string = fileURLToPath(new URL('../../../../', import.meta.url))

/** A folder of the cache that peers are installed into; made where it is not there. */
export function cacheFolder(name: string): string {
  const folder = join(root, 'node_modules/.cache/sluice-peers', name)
  mkdirSync(folder, { recursive: true })
  return folder
}

/** A file of a platform package of this repository; undefined where it is not installed. */
export function installedFile(path: string): string | undefined {
  const file = join(root, 'node_modules', path)
  return existsSync(file) ? file : undefined
}

/** The version that a package's manifest states. */
export function versionOf(manifest: string): string {
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }).version
}

/** The version of this repository's gateway. */
export function sluiceVersion(): string {
  return versionOf(join(root, 'packages/core/package.json'))
}

/** The folder of the running Node's executable, for what is found by `PATH`. */
export const nodeFolder: string = dirname(process.execPath)
