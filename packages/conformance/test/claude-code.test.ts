import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { pinnedClient } from '../src/matrix/client-version.ts'
import { runningGateway, type GatewayTarget } from '../src/matrix/gateway-target.ts'
import { runScenarios } from '../src/matrix/run-scenarios.ts'
import { MATRIX_SCENARIOS, type MatrixScenario } from '../src/matrix/scenarios.ts'
import { startSluice } from '../src/matrix/sluice-gateway.ts'

const client = pinnedClient()
if (client === undefined) console.log('skipped: the Claude Code executable (@anthropic-ai/claude-code) is not installed here')
const clients = client === undefined ? [] : [client]
const scenarios = (...ids: readonly string[]): readonly MatrixScenario[] => MATRIX_SCENARIOS.filter(({ id }) => ids.includes(id))

/** The whole matrix is run on request: `npm run conformance -- --claude-code`. */
describe.skipIf(client === undefined)('the real Claude Code, without a gateway and through one', () => {
  it('Sluice: a streamed text, a resumed session with thinking, and a spent budget are the same', { timeout: 120_000 }, async () => {
    const { cells, versions, target } = await runScenarios({ clients, scenarios: scenarios('text', 'thinking', 'budget'), startGateway: startSluice })
    expect(cells.map(({ scenario, state, differences }) => ({ scenario, state, differences }))).toEqual(
      ['text', 'thinking', 'budget'].map((scenario) => ({ scenario, state: 'equal', differences: [] })),
    )
    expect(target.name).toBe('Sluice')
    expect(versions).toMatchObject([{ version: client?.version, model: expect.any(String) as string }])
  })

  it('a gateway that drops a header and prints bodies anew is found out, though Claude Code notices nothing', { timeout: 120_000 }, async () => {
    const { cells } = await runScenarios({ clients, scenarios: scenarios('text', 'budget'), startGateway: carelessGateway })
    const [text, budget] = cells
    expect(text).toMatchObject({ scenario: 'text', state: 'differs' })
    expect(text?.differences.map(({ aspect }) => aspect)).toEqual(['request headers', 'request bodies'])
    expect(text?.differences[0]?.detail).toBe('anthropic-beta')
    expect(budget).toMatchObject({ scenario: 'budget', state: 'not-tried' })
  })
})

async function carelessGateway(upstreamUrl: string): Promise<GatewayTarget> {
  const server: Server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const text = Buffer.concat(chunks).toString()
      const body = text === '' ? '' : JSON.stringify(JSON.parse(text), undefined, 1)
      const { 'anthropic-beta': _dropped, host: _host, ...headers } = incoming.headers
      const onward = request(`${upstreamUrl}${incoming.url}`, {
        method: incoming.method,
        headers: { ...headers, 'accept-encoding': 'identity', 'content-length': String(Buffer.byteLength(body)) },
      })
      onward.on('response', (reply) => {
        outgoing.writeHead(reply.statusCode ?? 502, reply.headers)
        reply.pipe(outgoing)
      })
      onward.on('error', () => outgoing.destroy())
      onward.end(body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const stop = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return { ...runningGateway(`http://127.0.0.1:${port}`, 'any'), stop }
}
