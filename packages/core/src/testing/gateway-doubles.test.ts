import { expect, test } from 'vitest'
import { createGateway } from '../gateway.ts'
import { TransportError } from '../ports/runtime.ts'
import { swapCredential } from '../route/upstream-credential.ts'
import { clientRequest } from './client-request.ts'
import { collectingSink } from './collecting-sink.ts'
import { scriptedTransport, type ScriptedReply } from './scripted-transport.ts'

const gatewayOver = (...script: ScriptedReply[]) => {
  const transport = scriptedTransport(script)
  const credential = swapCredential('sk-ant-test')
  const gateway = createGateway({ runtime: { transport }, upstreams: [{ name: 'scripted', baseUrl: 'https://upstream.test', credential }] })
  return { transport, gateway }
}

test('a gateway runs without a network, and the client gets the scripted bytes', async () => {
  const { transport, gateway } = gatewayOver({ status: 200, headers: [['content-type', 'application/json']], body: ['{"a":', () => Promise.resolve(), '1}'] })
  const sink = collectingSink()
  const settlement = await gateway.handle(clientRequest({ json: { model: 'm', messages: [] } }), sink)
  expect(settlement?.outcome).toEqual({ kind: 'completed' })
  expect([sink.status, sink.text(), sink.state, sink.misuses]).toEqual([200, '{"a":1}', 'closed', []])
  expect(transport.calls).toHaveLength(1)
  expect(transport.calls[0]?.chunksTaken).toBe(2)
})

test('a client that leaves while the upstream hangs cancels it', async () => {
  for (const hang of ['before-head', 'after-body'] as const) {
    const { transport, gateway } = gatewayOver({ body: ['data'], hang, headers: [['content-type', 'text/plain']] })
    const request = clientRequest({ json: { model: 'm' } })
    const handled = gateway.handle(request, collectingSink())
    await new Promise((resolve) => setTimeout(resolve, 5))
    request.leave()
    expect((await handled)?.outcome.kind).toBe('client-gone')
    expect(transport.calls[0]?.cancelled).toBeDefined()
  }
})

test('a script beyond its end is unreachable; a scripted failure is what send rejects with', async () => {
  const failure = new TransportError('sent', 'reset')
  const transport = scriptedTransport([{ failWith: failure }])
  const request = { method: 'GET', origin: 'https://upstream.test', path: '/', headers: [], body: [], signal: new AbortController().signal }
  await expect(transport.send(request)).rejects.toBe(failure)
  await expect(transport.send(request)).rejects.toMatchObject({ phase: 'connect' })
})

test('a broken body rejects with what the script says, after the bytes before it', async () => {
  const reset = new Error('reset')
  const transport = scriptedTransport([{ body: ['a', new Uint8Array([98])], breakWith: reset }])
  const reply = await transport.send({ method: 'GET', origin: 'https://upstream.test', path: '/', headers: [], body: [], signal: new AbortController().signal })
  const sink = collectingSink()
  sink.head(reply.status, reply.headers)
  await expect(reply.body.pump(sink.write)).rejects.toBe(reset)
  expect(sink.text()).toBe('ab')
})

test('the sink holds writers back until it is released, and notes calls out of order', async () => {
  const sink = collectingSink()
  sink.head(200, [])
  expect(sink.write(new Uint8Array([1]))).toBeUndefined()
  sink.hold()
  const pressure = sink.write(new Uint8Array([2]))
  let isOpen = false
  void Promise.resolve(pressure).then(() => (isOpen = true))
  await Promise.resolve()
  expect(isOpen).toBe(false)
  sink.release()
  await pressure
  sink.close()
  await sink.ended
  sink.head(200, [])
  void sink.write(new Uint8Array([3]))
  sink.abort('x')
  expect(sink.misuses).toEqual(['a second head', 'a write after it was closed', 'aborted after it was closed'])
  expect(sink.state).toBe('closed')
})
