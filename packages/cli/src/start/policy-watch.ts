import { unwatchFile, watchFile } from 'node:fs'
import { messageOf } from '../errors.ts'
import { readPolicyFile, type GivenPolicy } from './given-policy.ts'
import { publicationNotice, publicationText, publishGiven, type PublicationDesk } from './policy-publication.ts'

/** What watching a policy's file takes. */
export interface PolicyWatchOptions {
  readonly desk: PublicationDesk
  readonly upstreams: readonly string[]
  readonly notice: (message: string) => void
  /** Brings into force here what was published. */
  readonly refresh: () => Promise<void>
}

/** How often the file is looked at. By name and not by inode: editors put another file in its place. */
const lookMillis = 1_000

/**
 * Publishes a policy's file again whenever it changes. One that is not valid leaves the policy before it in force, and the operator is told why, once for each change.
 * Returns the end of it.
 */
export function watchPolicy(given: GivenPolicy, options: PolicyWatchOptions): () => void {
  const { path, origin } = given
  if (path === undefined) return () => undefined
  let work: Promise<void> = Promise.resolve()
  const onChange = (): void => {
    work = work.then(() => republish(path, origin, options))
  }
  watchFile(path, { interval: lookMillis, persistent: false }, onChange)
  return () => unwatchFile(path, onChange)
}

/** Never rejects. */
async function republish(path: string, origin: string, { desk, upstreams, notice, refresh }: PolicyWatchOptions): Promise<void> {
  try {
    const given: GivenPolicy = { path, origin, policy: readPolicyFile(path, origin, upstreams) }
    const publication = await publishGiven(desk, given)
    const kept = publicationNotice(publication, given)
    if (kept !== undefined) return notice(kept)
    if (publication.kind !== 'published' || publication.current === undefined) return
    await refresh()
    notice(`Policy ${publicationText(publication.current)} is in force.`)
  } catch (cause) {
    notice(`The policy in force stays, since the changed file is not usable. ${messageOf(cause)}`)
  }
}
