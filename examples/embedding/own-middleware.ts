/**
 * A middleware of one's own: lets only listed models through, and prints how each exchange ended, when it has ended.
 */
import { nodeRuntime, serve } from '@sluice/adapters-node'
import { createGateway, GatewayError, refuse, swapCredential, type Middleware } from '@sluice/core'

const { UPSTREAM_URL = 'https://api.anthropic.com', UPSTREAM_KEY = '', PORT = '8787', MODELS = 'claude-opus-5-5,claude-haiku-5-5' } = process.env

function onlyModels(models: ReadonlySet<string>): Middleware {
  return {
    name: 'only-models',
    handle: async (exchange, next) => {
      // Reads one member of the body; the bytes that go upstream stay the client's own.
      const model = (await exchange.body()).string('model')
      // The client gets this in the envelope of the Messages API; nothing goes upstream.
      if (model !== undefined && !models.has(model)) return refuse(new GatewayError('refused', `This gateway does not serve ${model}.`))
      exchange.onSettled(({ outcome, usage }) => console.log(`${model}: ${outcome.kind}, usage is ${usage.source}`))
      return next({})
    },
  }
}

const gateway = createGateway({
  runtime: nodeRuntime(),
  upstreams: [{ name: 'anthropic', baseUrl: UPSTREAM_URL, credential: swapCredential(UPSTREAM_KEY) }],
}).use(onlyModels(new Set(MODELS.split(','))))

const { url } = await serve(gateway, { port: Number(PORT), stopOnSignals: true })
console.log(`listening on ${url}`)
