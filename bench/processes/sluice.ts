import { nodeRuntime, serve } from '@sluice/adapters-node'
import { attribute, authenticate, createGateway, staticKeys, swapCredential, type DigestAlgorithm } from '@sluice/core'
import { memoryLedger } from '@sluice/storage-memory'
import type { AddressInfo } from 'node:net'
import { reportUsage } from './child.ts'

/** Sluice with everything of an ordinary installation on: keys, attribution, metering, proof, ledger. */
const [upstream, digest] = process.argv.slice(2) as [string, DigestAlgorithm]
const gateway = createGateway({
  runtime: nodeRuntime(),
  upstreams: [{ name: 'bench', baseUrl: upstream, credential: swapCredential('sk-ant-bench-key') }],
  digest,
  host: { onFault: (fault) => console.error(fault) },
})
  .use(authenticate(staticKeys([{ developer: 'bench', secret: 'bench-secret-0123456789' }])))
  .use(attribute())
  .record(memoryLedger())
const { server } = await serve(gateway, { port: 0 })
reportUsage((server.address() as AddressInfo).port)
