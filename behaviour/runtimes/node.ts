import { join } from 'node:path'
import { root } from '../support/repository.ts'
import { startFixture } from '../support/fixture-process.ts'
import { exact, type BehaviourRuntime, type Capabilities } from './runtime.ts'

/** A fixture that Node runs from its source. */
export function onNode(name: string, fixture: string, can: Partial<Capabilities> = {}): BehaviourRuntime {
  return {
    name,
    can: { ...exact, addedReplyHeaders: ['date'], ...can },
    start: ({ upstreamUrl, deadUrl }) =>
      startFixture({
        program: process.execPath,
        args: ['--conditions=sluice-source', '--disable-warning=ExperimentalWarning', join(root, 'behaviour/fixtures', fixture)],
        env: { UPSTREAM_URL: upstreamUrl, DEAD_URL: deadUrl },
      }),
  }
}
