import type { PolicyDocument, PolicyPublication, PolicyShelf } from '@sluice/core'
import { toStorable } from '@sluice/core/ledger'
import { pageOf } from './memory-key-ring-page.ts'

/** Routing policies in memory: for tests, and for one process that may forget them. */
export function memoryPolicyShelf(): PolicyShelf {
  const documents = new Map<string, PolicyDocument>()
  const publications: PolicyPublication[] = []
  return {
    current: () => Promise.resolve(documents.get(publications.at(-1)?.version ?? '')),
    version: (version) => Promise.resolve(documents.get(version)),
    publish: ({ version, document, expected, at, actor, reason }) => {
      const last = publications.at(-1)
      if (last !== undefined && last.version === version) return Promise.resolve({ kind: 'unchanged', current: last })
      if (last?.version !== expected) return Promise.resolve({ kind: 'conflict', current: last })
      if (!documents.has(version)) documents.set(version, toStorable({ version, document }))
      const current: PolicyPublication = toStorable({
        sequence: publications.length + 1,
        version,
        at,
        actor,
        ...(last !== undefined && { previousVersion: last.version }),
        ...(reason !== undefined && { reason }),
      })
      publications.push(current)
      return Promise.resolve({ kind: 'published', current })
    },
    history: ({ before = Infinity, limit }) => Promise.resolve(pageOf(publications.toReversed(), ({ sequence }) => sequence < before, limit)),
  }
}
