import { join } from 'node:path'
import { bundleFixture } from '../support/bundle.ts'
import { startFixture } from '../support/fixture-process.ts'
import { optionalBinary, root } from '../support/repository.ts'
import { exact, type BehaviourRuntime } from './runtime.ts'

/** What a URL parser escapes. */
const odd = '"<>`{}^|\''
const binary = optionalBinary('@deno/linux-x64-glibc/deno')

export const deno: BehaviourRuntime = {
  name: 'Deno',
  missing: binary === undefined ? '@deno/linux-x64-glibc is not installed' : undefined,
  can: {
    ...exact,
    requestRepeats: 'joined',
    replyRepeats: 'joined',
    addedRequestHeaders: ['accept', 'accept-language', 'user-agent'],
    addedReplyHeaders: ['date'],
    bodyOnGet: false,
    decodes: { default: [], forward: ['gzip', 'br'] },
    needsHost: false,
    escapedInTarget: odd,
  },
  start: async ({ upstreamUrl, deadUrl }) =>
    startFixture({
      program: binary as string,
      args: ['run', '--no-prompt', '--no-config', '--allow-net=127.0.0.1', '--allow-env=UPSTREAM_URL,DEAD_URL', await bundleFixture('deno', 'neutral')],
      env: { UPSTREAM_URL: upstreamUrl, DEAD_URL: deadUrl, DENO_DIR: join(root, 'node_modules/.cache/sluice-behaviour/deno'), DENO_NO_UPDATE_CHECK: '1' },
    }),
}
