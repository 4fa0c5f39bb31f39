import { join } from 'node:path'
import { freePort, startChild } from './child-process.ts'
import { npmInstalled } from './install.ts'
import type { Peer } from './peer.ts'

const version = '1.15.2'

/** Portkey's open-source gateway, from npm. */
export const portkey: Peer = {
  id: 'portkey',
  title: 'Portkey',
  about:
    '@portkey-ai/gateway from npm with hono 4.9.7 and @hono/node-server 1.13.5 (with newer ones it answers 500 on streams); provider and upstream in headers.',
  start: async (options) => {
    const overrides = { hono: '4.9.7', '@hono/node-server': '1.13.5' }
    const folder = npmInstalled({ name: '@portkey-ai/gateway', version, overrides }, options)
    const port = await freePort()
    const child = startChild({ program: process.execPath, args: [join(folder, 'build/start-server.js'), `--port=${port}`, '--headless'] })
    await child.listensOn(port)
    return {
      name: portkey.title,
      version,
      url: `http://127.0.0.1:${port}`,
      headers: [
        ['x-portkey-provider', 'anthropic'],
        ['x-portkey-custom-host', `${options.upstreamUrl}/v1`],
      ],
      pid: child.pid,
      complaints: child.complaints,
      stop: child.stop,
    }
  },
}
