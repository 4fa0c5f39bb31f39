import type { BehaviourRuntime } from '../../../../behaviour/runtimes/runtime.ts'
import { bun } from '../../../../behaviour/runtimes/bun.ts'
import { deno, denoNode } from '../../../../behaviour/runtimes/deno.ts'
import { onNode } from '../../../../behaviour/runtimes/node.ts'
import { workerd } from '../../../../behaviour/runtimes/workerd.ts'
import { canaryClientKey, canaryUpstreamKey } from '../../../../behaviour/fixtures/profiles.ts'
import { NotHere, type Peer } from './peer.ts'
import { sluiceVersion } from './repository.ts'

/** Sluice mounted on a runtime, without the command line: the fixtures of the behaviour suite, with static keys. */
function mounted(id: string, title: string, how: string, runtime: BehaviourRuntime, profile = 'keyed'): Peer {
  return {
    id,
    title,
    about: `${how} in a program of a few lines, with static keys and an upstream key.`,
    start: async ({ upstreamUrl }) => {
      if (runtime.missing !== undefined) throw new NotHere(runtime.missing)
      const fixture = await runtime.start({ upstreamUrl, deadUrl: 'http://127.0.0.1:9' })
      const kill = (): void => void fixture.child.kill('SIGKILL')
      process.once('exit', kill)
      return {
        name: title,
        version: sluiceVersion(),
        url: `http://127.0.0.1:${fixture.port}`,
        key: canaryClientKey,
        upstreamKey: canaryUpstreamKey,
        // The fixture holds several gateways; this header picks the one with keys, and never goes upstream.
        headers: [['x-sluice-profile', profile]],
        pid: fixture.child.pid ?? 0,
        complaints: fixture.complaints,
        stop: async () => {
          process.off('exit', kill)
          await fixture.stop()
        },
      }
    },
  }
}

/** Sluice on each of its runtimes. */
export const sluiceRuntimes: readonly Peer[] = [
  mounted('sluice-node', 'Sluice (Node, adapter)', 'The Node adapter on node:http', onNode('node:http', 'node-http.ts')),
  mounted('sluice-bun', 'Sluice (Bun)', 'The fetch adapter on Bun.serve', bun),
  mounted('sluice-deno', 'Sluice (Deno)', 'The Node adapter on the node:http of Deno', denoNode),
  mounted('sluice-deno-serve', 'Sluice (Deno.serve)', 'The fetch adapter on Deno.serve', deno),
  mounted('sluice-workerd', 'Sluice (workerd)', 'The fetch adapter as a worker, with a heartbeat every second,', workerd, 'keyed-heartbeat'),
]
