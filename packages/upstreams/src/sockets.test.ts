import { nodeRuntime } from '@sluice/adapters-node'
import { createGateway } from '@sluice/core'
import { clientRequest, collectingSink } from '@sluice/core/testing'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { chunkMessage } from '../test/event-stream-writer.ts'
import { account, signatureProblem } from '../test/fake-bedrock.ts'
import { asFrame, messagesBody, streamEvents } from '../test/upstream-bench.ts'
import { bedrockInvoke } from './bedrock/bedrock-invoke.ts'
import { bedrockMantle } from './bedrock/bedrock-mantle.ts'

/** A Bedrock on a real socket, which judges the signature by what arrived there. */
let server: Server
let port: number
const region = 'us-east-1'

beforeAll(async () => {
  server = createServer((request, response) => {
    const body: Buffer[] = []
    request.on('data', (chunk: Buffer) => body.push(chunk))
    request.on('end', () => {
      const isNative = request.url?.startsWith('/anthropic/') === true
      const problem = signatureProblem(arrived(request, body), `127.0.0.1:${port}`, region, isNative ? 'bedrock-mantle' : 'bedrock', Date.now())
      if (problem !== undefined) {
        response.writeHead(403, { 'content-type': 'application/json' }).end(JSON.stringify({ message: problem }))
        return
      }
      response.writeHead(200, { 'content-type': isNative ? 'text/event-stream' : 'application/vnd.amazon.eventstream', 'x-amzn-requestid': 'r-1' })
      for (const event of streamEvents) response.write(isNative ? asFrame(event) : chunkMessage(event))
      response.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
})
afterAll(() => new Promise((resolve) => server.close(resolve)))

function arrived({ method = '', url = '', rawHeaders }: IncomingMessage, body: readonly Buffer[]): Parameters<typeof signatureProblem>[0] {
  const headers = Array.from({ length: rawHeaders.length / 2 }, (_, index) => [rawHeaders[index * 2] as string, rawHeaders[index * 2 + 1] as string] as const)
  return { method, path: url, headers, body }
}

it.each(['invoke', 'mantle'] as const)('H8: a signature for %s stands as it arrives over a real connection, large bodies included', async (way) => {
  const common = { region, credentials: account, privateHosts: ['127.0.0.1'] }
  const upstream =
    way === 'invoke'
      ? bedrockInvoke({ ...common, baseUrl: `http://127.0.0.1:${port}`, models: { [messagesBody.model]: 'us.anthropic.claude-sonnet-4-5-20250929-v1:0' } })
      : bedrockMantle({ ...common, baseUrl: `http://127.0.0.1:${port}/anthropic` })
  const gateway = createGateway({ runtime: nodeRuntime(), upstreams: [upstream] })
  const content = '日本語 '.repeat(60_000)
  for (let turn = 0; turn < 3; turn += 1) {
    const sink = collectingSink()
    const json = { ...messagesBody, messages: [{ role: 'user', content }] }
    const headers = [
      ['content-type', 'application/json; charset=utf-8'],
      ['user-agent', 'claude-cli/2.1.330 (external, cli)'],
      ['accept', 'application/json'],
    ] as const
    const settlement = await gateway.handle(clientRequest({ target: '/v1/messages?beta=true', headers, body: JSON.stringify(json) }), sink)
    expect(sink.text()).toBe(streamEvents.map(asFrame).join(''))
    expect(settlement).toMatchObject({ outcome: { kind: 'completed' }, upstreamRequestId: 'r-1' })
  }
  await gateway.drain(100)
})
