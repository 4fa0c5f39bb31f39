import { nodeRuntime, serve } from '@sluice/adapters-node'
import { createGateway, swapCredential } from '@sluice/core'
import type { AddressInfo } from 'node:net'
import { reportUsage } from './child.ts'

/** Sluice with everything off that can be: no keys, no attribution, no ledger, no digests. */
const [upstream] = process.argv.slice(2) as [string]
const gateway = createGateway({
  runtime: nodeRuntime(),
  upstreams: [{ name: 'bench', baseUrl: upstream, credential: swapCredential('sk-ant-bench-key') }],
  digest: 'none',
  host: { onFault: (fault) => console.error(fault) },
})
const { server } = await serve(gateway, { port: 0 })
reportUsage((server.address() as AddressInfo).port)
