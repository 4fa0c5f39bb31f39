import { expect, it } from 'vitest'
import { everyRequest } from '../../test/claude-code-requests.ts'
import { createGateway } from '../gateway.ts'
import { attribute } from '../middleware/attribute.ts'
import { swapCredential } from '../route/upstream-credential.ts'
import { clientRequest } from '../testing/client-request.ts'
import { collectingSink } from '../testing/collecting-sink.ts'
import { manualClock } from '../testing/manual-clock.ts'
import { scriptedTransport } from '../testing/scripted-transport.ts'
import { toText } from '../wire/bytes.ts'
import { policyRouter } from './policy-router.ts'
import { recommendedPolicy } from './recommended-policy.ts'

const small = 'claude-haiku-5-5'
const sideKinds = new Set(['title', 'probe', 'web-search', 'hook', 'auxiliary'])

it.each(everyRequest)(
  'what every client sends (%s) goes to the small model or stays, and its bytes cross outside of declared patches',
  async (_name, request, { kind }) => {
    const clock = manualClock()
    const upstream = scriptedTransport([{ headers: [['content-type', 'application/json']], body: ['{}'] }])
    const faults: unknown[] = []
    const gateway = createGateway({
      runtime: { transport: upstream },
      upstreams: [{ name: 'anthropic', baseUrl: 'https://anthropic.test', credential: swapCredential('sk-ant-test') }],
      host: { clock, onFault: (fault) => void faults.push(fault) },
    })
      .use(attribute({ clock }))
      .route(policyRouter({ upstream: 'anthropic', document: recommendedPolicy, clock }))
    const { method, target, headers } = request
    const json = { model: 'claude-opus-5-5', ...(request.json as object) }
    const running = gateway.handle(clientRequest({ method, target, headers, ...(method === 'POST' && { json }) }), collectingSink())
    await expect.poll(() => upstream.calls.length).toBe(1)
    clock.advance(10_000)
    const settlement = await running
    const sent = upstream.calls[0]?.request.body.map((chunk) => toText(chunk)).join('') ?? ''
    if (method !== 'POST') return expect(settlement?.route).toBeUndefined()
    const original = JSON.stringify(json)
    const patches = settlement?.proof.patches ?? []
    if (sideKinds.has(kind)) {
      expect(JSON.parse(sent)).toMatchObject({ model: small })
      expect(settlement?.route).toMatchObject({ rule: 'side-calls', target: { model: small } })
    } else expect(sent).toBe(original)
    // What is between the patches is the client's own.
    let [at, from] = [0, 0]
    for (const { start, end, insertedBytes } of patches) {
      expect(sent.slice(from, from + start - at)).toBe(original.slice(at, start))
      from += start - at + insertedBytes
      at = end
    }
    expect(sent.slice(from)).toBe(original.slice(at))
  },
)
