import { join } from 'node:path'
import { bundleFixture } from '../support/bundle.ts'
import { startFixture, type FixtureProcess } from '../support/fixture-process.ts'
import { optionalBinary, root } from '../support/repository.ts'
import { exact, type BehaviourRuntime, type Upstreams } from './runtime.ts'

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
    noticesLeaveBeforeHead: false,
    escapedInTarget: odd,
  },
  start: async (upstreams) => startDeno(['--allow-net=127.0.0.1', '--allow-env=UPSTREAM_URL,DEAD_URL', await bundleFixture('deno', 'neutral')], upstreams),
}

/** The Node adapter on Deno's own node:http, from the same fixture as on Node: nothing is lost there. */
export const denoNode: BehaviourRuntime = {
  name: 'Deno, node:http',
  missing: deno.missing,
  can: { ...exact, addedReplyHeaders: ['date'] },
  start: async (upstreams) => startDeno(['--allow-net=127.0.0.1', '--allow-env', await bundleFixture('node-http', 'node')], upstreams),
}

function startDeno(words: readonly string[], { upstreamUrl, deadUrl }: Upstreams): Promise<FixtureProcess> {
  return startFixture({
    program: binary as string,
    args: ['run', '--no-prompt', '--no-config', ...words],
    env: { UPSTREAM_URL: upstreamUrl, DEAD_URL: deadUrl, DENO_DIR: join(root, 'node_modules/.cache/sluice-behaviour/deno'), DENO_NO_UPDATE_CHECK: '1' },
  })
}
