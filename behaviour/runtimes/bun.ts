import { bundleFixture } from '../support/bundle.ts'
import { startFixture } from '../support/fixture-process.ts'
import { optionalBinary } from '../support/repository.ts'
import { exact, type BehaviourRuntime } from './runtime.ts'

/** What a URL parser escapes. */
const odd = '"<>`{}^|\''
const binary = optionalBinary('@oven/bun-linux-x64/bin/bun')

export const bun: BehaviourRuntime = {
  name: 'Bun',
  missing: binary === undefined ? '@oven/bun-linux-x64 is not installed' : undefined,
  can: {
    ...exact,
    requestRepeats: 'joined',
    replyRepeats: 'joined',
    addedRequestHeaders: ['accept', 'user-agent'],
    addedReplyHeaders: ['date'],
    bodyOnGet: false,
    headFirst: false,
    escapedInTarget: odd,
  },
  start: async ({ upstreamUrl, deadUrl }) =>
    startFixture({ program: binary as string, args: ['run', await bundleFixture('bun', 'neutral')], env: { UPSTREAM_URL: upstreamUrl, DEAD_URL: deadUrl } }),
}
