import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository's root. */
export const root: string = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** A platform package's executable; undefined where it is not installed. */
export function optionalBinary(path: string): string | undefined {
  const file = join(root, 'node_modules', path)
  return existsSync(file) ? file : undefined
}

/** Recorded traffic, where this machine has it. It is never part of the project. */
export const corpus: string = join(root, '../shared/corpus')
