import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** A folder of recorded material beside the repository; undefined where it is not there, and the tests on it are counted as skipped. */
export function sharedFolder(name: string): string | undefined {
  const folder = fileURLToPath(new URL(`../../../../shared/${name}`, import.meta.url))
  if (existsSync(folder)) return folder
  console.warn(`skipped: no recorded material "${name}" beside this repository`)
  return undefined
}
