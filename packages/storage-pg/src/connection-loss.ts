import type { PgPool } from './pool.ts'

type Listener = (error: Error) => void

const listenersOf = new WeakMap<PgPool, Set<Listener>>()

/**
 * Tells a listener of idle connections of a pool that broke, until the returned function is called. The pool itself is listened to for as long as it lives, once:
 * one that nobody listens to ends the process when the server restarts, also after the last store on it was closed.
 */
export function onConnectionLoss(pool: PgPool, listener: Listener): () => void {
  let listeners = listenersOf.get(pool)
  if (listeners === undefined) {
    const added = new Set<Listener>()
    pool.on?.('error', (error) => {
      for (const one of added) one(error)
    })
    listenersOf.set(pool, (listeners = added))
  }
  const known = listeners
  known.add(listener)
  return () => void known.delete(listener)
}
