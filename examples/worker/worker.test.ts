import { writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { ask, bundleExample, lineWith, openUpstream, optionalBinary, runCommand, sentByUpstream, upstreamKey } from '../support/run-example.ts'
import worker from './worker.ts'

const workerd = optionalBinary('@cloudflare/workerd-linux-64/bin/workerd')

test('the default export answers a Request, and the context is told to wait for the settlement', async () => {
  const upstream = await openUpstream()
  const waitedFor: Promise<unknown>[] = []
  const request = new Request('http://gateway.test/v1/messages', {
    method: 'POST',
    headers: { host: 'gateway.test', 'content-type': 'application/json', 'anthropic-version': '2023-06-01' },
    body: '{"model":"claude-opus-5-5","max_tokens":9,"messages":[{"role":"user","content":"Hello"}]}',
  })
  const response = await worker.fetch(
    request,
    { UPSTREAM_URL: upstream.url, UPSTREAM_KEY: upstreamKey },
    { waitUntil: (promise) => void waitedFor.push(promise) },
  )
  expect(response.status).toBe(200)
  expect(await response.text()).toContain('"stop_reason"')
  expect(await Promise.all(waitedFor)).toMatchObject([{ outcome: { kind: 'completed' } }])
})

test.skipIf(workerd === undefined)(
  'workerd runs it without node compatibility: a stream passes byte for byte, and its settlement is a line of the log',
  async () => {
    const upstream = await openUpstream()
    const bundle = await bundleExample('worker/worker.ts')
    const config = join(dirname(bundle), 'worker.capnp')
    writeFileSync(config, configOf(basename(bundle), upstream.url))
    const example = await runCommand({ program: workerd as string, args: ['serve', '--control-fd=1', config] }, {}, upstream)
    const { status, text } = await ask(example.url, { headers: { 'x-sluice-repository': 'acme/payments-api' } })
    expect(status).toBe(200)
    expect(text).toBe(sentByUpstream(example))
    const line = JSON.parse((await lineWith(example, 'exchangeId')).replace(/^[^{]*/, '')) as object
    expect(line).toMatchObject({ outcome: 'completed', repository: 'acme/payments-api', costNanoUsd: expect.stringMatching(/^[1-9]\d*$/) as unknown })
  },
)

function configOf(bundle: string, upstreamUrl: string): string {
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const main :Workerd.Worker = (
  modules = [(name = "main", esModule = embed "${bundle}")],
  compatibilityDate = "2026-11-01",
  compatibilityFlags = ["enable_request_signal"],
  bindings = [(name = "UPSTREAM_URL", text = "${upstreamUrl}"), (name = "UPSTREAM_KEY", text = "${upstreamKey}")],
);
`
}
