import { defineConfig } from '@sluice/cli'
import { refuse, GatewayError } from '@sluice/core'

const { UPSTREAM_URL = 'https://api.anthropic.com', UPSTREAM_KEY = '', ADA_KEY = '', LINUS_KEY = '' } = process.env

export default defineConfig({
  upstream: UPSTREAM_URL,
  upstreamKey: UPSTREAM_KEY,
  keys: [
    { developer: 'ada', secret: ADA_KEY },
    { developer: 'linus', secret: LINUS_KEY },
  ],
  pricing: { contractMultiplier: '0.85' },
  middleware: [
    {
      name: 'no-batches',
      handle: async (exchange, next) =>
        exchange.target.path.startsWith('/v1/messages/batches') ? refuse(new GatewayError('refused', 'This gateway does not take batches.')) : next({}),
    },
  ],
})
