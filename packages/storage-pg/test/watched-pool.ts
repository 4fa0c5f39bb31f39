import type pg from 'pg'
import type { PgPool } from '../src/index.ts'

/** A pool that remembers what was sent through it. */
export function watchedPool(pool: pg.Pool): { readonly pool: PgPool; readonly texts: string[] } {
  const texts: string[] = []
  return {
    texts,
    pool: {
      query: (text, values) => {
        texts.push(text)
        return pool.query(text, values)
      },
      connect: () => pool.connect(),
    },
  }
}
