import { writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { bundleFixture } from '../support/bundle.ts'
import { startFixture } from '../support/fixture-process.ts'
import { optionalBinary } from '../support/repository.ts'
import { exact, type BehaviourRuntime, type Upstreams } from './runtime.ts'

/** What a URL parser escapes. */
const odd = '"<>`{}^|\''
const binary = optionalBinary('@cloudflare/workerd-linux-64/bin/workerd')

export const workerd: BehaviourRuntime = {
  name: 'workerd',
  missing: binary === undefined ? '@cloudflare/workerd-linux-64 is not installed' : undefined,
  can: {
    ...exact,
    requestRepeats: 'joined',
    replyRepeats: 'joined',
    drains: false,
    bodyOnGet: false,
    keepsContentLength: false,
    knowsRefusal: false,
    latinHeaders: false,
    noticesClose: false,
    escapedInTarget: odd,
  },
  start: async (upstreams) => {
    const bundle = await bundleFixture('workerd', 'neutral')
    const config = join(dirname(bundle), 'workerd.capnp')
    writeFileSync(config, configOf(basename(bundle), upstreams))
    return startFixture({ program: binary as string, args: ['serve', '--control-fd=1', config] })
  },
}

/** Without `enable_request_signal` a worker never learns that its client has left. */
function configOf(bundle: string, { upstreamUrl, deadUrl }: Upstreams): string {
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const main :Workerd.Worker = (
  modules = [(name = "main", esModule = embed "${bundle}")],
  compatibilityDate = "2026-11-01",
  compatibilityFlags = ["enable_request_signal"],
  bindings = [(name = "UPSTREAM_URL", text = "${upstreamUrl}"), (name = "DEAD_URL", text = "${deadUrl}")],
);
`
}
