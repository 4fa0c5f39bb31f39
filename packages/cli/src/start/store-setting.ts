import { isAbsolute, resolve } from 'node:path'

/** Where a gateway keeps its state. */
export type StoreSetting =
  | { readonly kind: 'memory' }
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'postgres'; readonly url: string }

/** True for the address of a PostgreSQL database. */
export function isPostgresUrl(text: string): boolean {
  return /^postgres(?:ql)?:\/\/\S+$/.test(text)
}

/** True for a store as `--store` takes it. */
export function isStoreText(text: string): boolean {
  return text === 'memory' || /^sqlite:[^\0]+$/.test(text) || isPostgresUrl(text)
}

/** Reads a store that {@link isStoreText} takes; a relative path is one of the directory. */
export function toStoreSetting(text: string, directory: string): StoreSetting {
  if (text === 'memory') return { kind: 'memory' }
  if (isPostgresUrl(text)) return { kind: 'postgres', url: text }
  const path = text.slice('sqlite:'.length).replace(/^\/\/(?=\/)/, '')
  return { kind: 'sqlite', path: path === ':memory:' || isAbsolute(path) ? path : resolve(directory, path) }
}

/** The file beside the configuration that a gateway keeps its state in, unless told otherwise. */
export const defaultStorePath: string = '.sluice/sluice.db'
