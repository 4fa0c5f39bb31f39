import { attribute, createGateway, swapCredential } from '@sluice/core'
import { memoryLedger } from '@sluice/storage-memory'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { nodeRuntime, serve } from '../../src/index.ts'

/** A gateway in a process of its own, so that its memory and its event loop are its own. Answers `memory` and `stall` over IPC. */
const upstream = process.argv[2] as string
const gateway = createGateway({ runtime: nodeRuntime(), upstreams: [{ name: 'rehearsal', baseUrl: upstream, credential: swapCredential('sk-ant-upstream') }] })
  .use(attribute())
  .record(memoryLedger({ maxEntries: 100 }))
const { url } = await serve(gateway, { port: 0 })
const delay = monitorEventLoopDelay({ resolution: 2 })
delay.enable()
process.on('message', (question) => {
  if (question === 'memory') {
    globalThis.gc?.()
    globalThis.gc?.()
    const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage()
    process.send?.({ rss, heapUsed, external, arrayBuffers, underWay: gateway.underWay })
  } else {
    process.send?.({ stallMillis: delay.max / 1e6 })
    delay.reset()
  }
})
process.send?.({ url })
