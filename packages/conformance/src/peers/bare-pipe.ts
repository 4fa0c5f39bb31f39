import { join } from 'node:path'
import { portOf, startChild } from './child-process.ts'
import type { Peer } from './peer.ts'
import { root, versionOf } from './repository.ts'

/** The least a proxy can do on Node: the yardstick. */
export const barePipe: Peer = {
  id: 'bare-pipe',
  title: 'Bare undici pipe',
  about: 'node:http in, undici out, both piped, in 40 lines.',
  start: async ({ upstreamUrl }) => {
    const child = startChild({ program: process.execPath, args: [join(root, 'bench/processes/bare-pipe.ts'), upstreamUrl] })
    const port = await child.said(portOf)
    return {
      name: barePipe.title,
      version: `undici ${versionOf(join(root, 'bench/node_modules/undici/package.json'))}`,
      url: `http://127.0.0.1:${port}`,
      pid: child.pid,
      complaints: child.complaints,
      stop: child.stop,
    }
  },
}
