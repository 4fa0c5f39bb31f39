import { Agent, get } from 'node:http'
import { createConnection } from 'node:net'
import { describe, expect, it } from 'vitest'
import {
  assertStreamGrammar,
  errorReply,
  messageStream,
  REHEARSAL_DEFAULTS,
  seededRandom,
  sse,
  startRehearsal,
  toSteps,
  validateMessageStream,
  type Step,
} from '../src/index.ts'
import { bytesOf, lastCall, post, prompt, withRehearsal } from './support.ts'

describe('calls', () => {
  it('keep the exact bytes of request and answer, and the headers as spelled', async () => {
    await withRehearsal({}, async (rehearsal) => {
      const body = '{"model": "claude-opus-5-5",\n "max_tokens":1e2, "messages":[{"role":"user","content":"Grüße"}], "stream":true}'
      const answer = await new Promise<string>((resolve) => {
        const bytes = Buffer.from(body)
        const socket = createConnection(rehearsal.port, '127.0.0.1', () =>
          socket.write(
            `POST /v1/messages?beta=true HTTP/1.1\r\nHost: x\r\nANTHROPIC-Version: 2023-06-01\r\nX-Twice: a\r\nX-Twice: b\r\nContent-Length: ${bytes.length}\r\nConnection: close\r\n\r\n${body}`,
          ),
        )
        let text = ''
        socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
        socket.on('end', () => resolve(text))
      })
      const call = await lastCall(rehearsal)
      expect(new TextDecoder().decode(call.body)).toBe(body)
      expect(call).toMatchObject({
        method: 'POST',
        target: '/v1/messages?beta=true',
        path: '/v1/messages',
        outcome: 'completed',
        scenario: 'assistant',
        responseStatus: 200,
      })
      expect(call.rawHeaders.filter(([name]) => name === 'X-Twice')).toEqual([
        ['X-Twice', 'a'],
        ['X-Twice', 'b'],
      ])
      expect(call.header('anthropic-version')).toBe('2023-06-01')
      expect(answer).toContain('event: message_stop')
      expect(assertStreamGrammar(call.responseBytes).message.stopReason).toBe('end_turn')
      expect(call.responseLength).toBe(call.responseBytes.length)
    })
  })

  it('name the connection they came on', async () => {
    await withRehearsal({}, async (rehearsal) => {
      for (const agent of [new Agent({ keepAlive: true, maxSockets: 1 }), new Agent({ keepAlive: true, maxSockets: 1 })]) {
        for (let turn = 0; turn < 2; turn += 1) {
          await new Promise((resolve) => get(`${rehearsal.url}/v1/models`, { agent }, (response) => response.resume().on('end', resolve)))
        }
        agent.destroy()
      }
      const [first, second, third, fourth] = rehearsal.calls.map((call) => call.socketId)
      expect([first === second, second === third, third === fourth]).toEqual([true, false, true])
      expect(rehearsal.calls.map((call) => call.id)).toEqual([1, 2, 3, 4])
    })
  })

  it('are forgotten on demand together with the cache', async () => {
    await withRehearsal({ cacheMinimumTokens: 0 }, async (rehearsal) => {
      const body = prompt({ system: [{ type: 'text', text: 'x'.repeat(400), cache_control: { type: 'ephemeral' } }] })
      await (await post(rehearsal, undefined, body)).text()
      await (await post(rehearsal, undefined, body)).text()
      expect(rehearsal.calls.map((call) => call.usage?.cacheReadTokens)).toEqual([0, 100])
      rehearsal.forget()
      expect(rehearsal.calls).toEqual([])
      await (await post(rehearsal, undefined, body)).text()
      expect(rehearsal.calls[0]?.usage?.cacheReadTokens).toBe(0)
    })
  })

  it('keepCalls bounds what is remembered, and 0 keeps no answers', async () => {
    await withRehearsal({ keepCalls: 2 }, async (rehearsal) => {
      for (let turn = 0; turn < 4; turn += 1) await (await post(rehearsal, 'text')).text()
      expect(rehearsal.calls.map((call) => call.id)).toEqual([3, 4])
    })
    await withRehearsal({ keepCalls: 0 }, async (rehearsal) => {
      await (await post(rehearsal, 'text')).text()
      expect(rehearsal.calls).toEqual([])
    })
  })

  it('report the final usage of a body longer than what is kept', async () => {
    await withRehearsal({}, async (rehearsal) => {
      await (await post(rehearsal, 'huge-event; bytes=9000000; output-tokens=4321')).arrayBuffer()
      const call = await lastCall(rehearsal)
      expect(call.responseBytes.length).toBeLessThan(call.responseLength)
      expect(call.usage).toMatchObject({ final: true, outputTokens: 4321 })
    })
  })

  it('tell the listeners once when read and once when ended', async () => {
    const told: string[] = []
    await withRehearsal({ onCall: (call) => told.push(`read ${call.outcome}`), onSettled: (call) => told.push(`ended ${call.outcome}`) }, async (rehearsal) => {
      await (await post(rehearsal, 'text')).text()
      await lastCall(rehearsal)
      expect(told).toEqual(['read pending', 'ended completed'])
    })
  })
})

describe('a client that leaves', () => {
  it('while it still sends its request is recorded as gone, with no answer', async () => {
    await withRehearsal({}, async (rehearsal) => {
      const socket = createConnection(rehearsal.port, '127.0.0.1')
      socket.write('POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{"model"')
      while (rehearsal.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
      socket.destroy()
      expect(await lastCall(rehearsal)).toMatchObject({ outcome: 'client-gone', responseStatus: 0, responseLength: 0 })
    })
  })

  it('while frames are on their way ends the reply there', async () => {
    await withRehearsal({}, async (rehearsal) => {
      const leave = new AbortController()
      const response = await post(rehearsal, 'slow-drip; delay-millis=20; words=200', prompt(), {
        signal: leave.signal,
      })
      await response.body?.getReader().read()
      leave.abort()
      const call = await lastCall(rehearsal)
      expect(call).toMatchObject({ outcome: 'client-gone', scenario: 'slow-drip' })
      expect(validateMessageStream(call.responseBytes)).toMatchObject({ valid: true, complete: false })
    })
  })
})

describe('a script', () => {
  it('answers in place of the scenarios until it says undefined or is cleared', async () => {
    await withRehearsal({}, async (rehearsal) => {
      rehearsal.script((call) => (call.path === '/v1/messages' ? { status: 200, headers: { 'x-mine': '1' }, steps: [{ bytes: 'own' }] } : undefined))
      expect(await (await post(rehearsal, undefined)).text()).toBe('own')
      expect(rehearsal.calls[0]?.scenario).toBe('script')
      expect((await fetch(`${rehearsal.url}/v1/models`)).status).toBe(200)
      rehearsal.script(undefined)
      expect(assertStreamGrammar(await bytesOf(await post(rehearsal, undefined))).complete).toBe(true)
    })
  })

  it('can hold a reply between frames until a promise of the test', async () => {
    await withRehearsal({}, async (rehearsal) => {
      const gate = Promise.withResolvers<void>()
      const frames = messageStream({ blocks: [{ type: 'text', text: 'held back' }] })
      rehearsal.script(() => ({
        status: 200,
        headers: { 'content-type': 'text/event-stream' },
        steps: [...toSteps(frames.slice(0, 3)), { until: gate.promise }, ...toSteps(frames.slice(3))],
      }))
      const response = await post(rehearsal, undefined)
      const reader = response.body?.getReader()
      expect(new TextDecoder().decode((await reader?.read())?.value)).toContain('message_start')
      expect(rehearsal.calls[0]?.outcome).toBe('pending')
      gate.resolve()
      for (;;) if ((await reader?.read())?.done !== false) break
      expect((await lastCall(rehearsal)).outcome).toBe('completed')
    })
  })

  it.each([
    ['before a silence', 'GET', 200, 'Gr\u00fc\u00dfe', [{ head: true }, { stall: true }]],
    ['before a wait', 'GET', 200, 'Gr\u00fc\u00dfe', [{ waitMillis: 60_000 }]],
    ['with the first bytes', 'GET', 200, 'Gr\u00fc\u00dfe', [{ bytes: 'x' }, { stall: true }]],
    ['without a body', 'GET', 204, 'ASCII', [{ head: true }, { stall: true }]],
    ['to HEAD', 'HEAD', 200, 'ASCII', [{ head: true }, { stall: true }]],
  ] as const)('sends its head at once %s, header values byte for byte', async (_, method, status, value, steps) => {
    await withRehearsal({}, async (rehearsal) => {
      rehearsal.script(() => ({ status, headers: { 'x-name': value }, steps }))
      const head = await new Promise<Buffer>((resolve) => {
        const socket = createConnection(rehearsal.port, '127.0.0.1', () => socket.write(`${method} / HTTP/1.1\r\nhost: x\r\n\r\n`))
        socket.once('data', (bytes: Buffer) => {
          resolve(bytes)
          socket.destroy()
        })
      })
      expect(head.toString('latin1')).toContain(`\r\nx-name: ${value}\r\n`)
    })
  })

  it('has no header but its own', async () => {
    await withRehearsal({}, async (rehearsal) => {
      rehearsal.script(() => ({ status: 200, headers: { 'content-length': '1', 'x-mine': '1' }, steps: [{ bytes: 'x' }] }))
      const { headers } = await post(rehearsal, undefined)
      expect([...headers.keys()].filter((name) => !/^(?:connection|keep-alive)$/.test(name))).toEqual(['content-length', 'x-mine'])
    })
  })

  it('that throws is answered 500 with its message', async () => {
    await withRehearsal({}, async (rehearsal) => {
      rehearsal.script(() => {
        throw new Error('wrong turn')
      })
      const response = await post(rehearsal, undefined)
      expect(response.status).toBe(500)
      expect(await response.text()).toContain('wrong turn')
    })
  })

  it('can repeat steps and send its own error', async () => {
    await withRehearsal({}, async (rehearsal) => {
      const steps: Step[] = [{ repeat: [{ bytes: 'ab' }, { waitMillis: 0 }], times: 3 }]
      rehearsal.script((call) => (call.id === 1 ? { status: 200, steps } : errorReply(418, 'teapot_error', 'short and stout', { 'x-kind': 'pot' })))
      expect(await (await post(rehearsal, undefined)).text()).toBe('ababab')
      const second = await post(rehearsal, undefined)
      expect([second.status, second.headers.get('x-kind')]).toEqual([418, 'pot'])
    })
  })

  it('with a generated body is pulled only as fast as the client reads', async () => {
    await withRehearsal({}, async (rehearsal) => {
      let made = 0
      function* chunks(): Generator<Uint8Array> {
        for (; made < 400; made += 1) yield new Uint8Array(64 * 1024)
      }
      rehearsal.script(() => ({ status: 200, steps: [{ generate: chunks() }] }))
      const response = await post(rehearsal, undefined)
      await new Promise((resolve) => setTimeout(resolve, 150))
      expect(made).toBeLessThan(400)
      expect((await response.arrayBuffer()).byteLength).toBe(400 * 64 * 1024)
    })
  })
})

describe('the server', () => {
  it('close ends open answers and connections at once', async () => {
    const rehearsal = await startRehearsal()
    const response = await post(rehearsal, 'stall')
    const read = response.text().catch((error: unknown) => String(error))
    await rehearsal.close()
    expect(await read).toContain('terminated')
    expect(rehearsal.openStreams).toBe(0)
    expect(rehearsal.calls[0]?.outcome).toBe('client-gone')
    await expect(fetch(rehearsal.url)).rejects.toThrow()
  })

  it('carries two thousand open streams and lets go of all of them', async () => {
    await withRehearsal({ keepCalls: 0 }, async (rehearsal) => {
      const body = Buffer.from(JSON.stringify(prompt()))
      const head = `POST /v1/messages HTTP/1.1\r\nhost: x\r\nanthropic-version: 2023-06-01\r\nx-rehearsal-scenario: stall\r\ncontent-length: ${body.length}\r\n\r\n`
      const sockets = await Promise.all(
        Array.from({ length: 2000 }, async () => {
          const socket = createConnection(rehearsal.port, '127.0.0.1')
          socket.write(Buffer.concat([Buffer.from(head), body]))
          await new Promise((resolve) => socket.once('data', resolve))
          return socket
        }),
      )
      expect(rehearsal.openStreams).toBe(2000)
      for (const socket of sockets) socket.destroy()
      for (let wait = 0; wait < 100 && rehearsal.openStreams > 0; wait += 1) await new Promise((resolve) => setTimeout(resolve, 20))
      expect(rehearsal.openStreams).toBe(0)
    })
  })

  it('leaves no listener behind on a connection that carries many calls', async () => {
    const warnings: string[] = []
    const note = (warning: Error): void => void warnings.push(warning.message)
    process.on('warning', note)
    await withRehearsal({ keepCalls: 0 }, async (rehearsal) => {
      for (let turn = 0; turn < 60; turn += 1) await (await post(rehearsal, 'long; frames=20; simulate-cache=0')).text()
    })
    process.off('warning', note)
    expect(warnings).toEqual([])
  })

  it('accepts the required key as x-api-key or bearer and nothing else', async () => {
    await withRehearsal({ requireKey: 'sk-right' }, async (rehearsal) => {
      const status = async (headers: Record<string, string>): Promise<number> => (await fetch(`${rehearsal.url}/v1/models`, { headers })).status
      expect(await status({ 'x-api-key': 'sk-right' })).toBe(200)
      expect(await status({ authorization: 'Bearer sk-right' })).toBe(200)
      expect(await status({ 'x-api-key': 'sk-wrong' })).toBe(401)
      expect(await status({})).toBe(401)
    })
  })

  it('says the same with the same seed', async () => {
    const run = async (): Promise<string> => {
      let text = ''
      await withRehearsal({ random: seededRandom(7), now: () => 1_790_000_000_000 }, async (rehearsal) => {
        text = await (await post(rehearsal, 'thinking')).text()
      })
      return text
    }
    expect(await run()).toBe(await run())
  })

  it('refuses a default scenario it does not know, naming those it does', async () => {
    await expect(startRehearsal({ defaultScenario: 'no-such' })).rejects.toThrow(/defaultScenario is "no-such"; use one of assistant/)
  })

  it('has the defaults that its documentation states', () => {
    expect(REHEARSAL_DEFAULTS).toMatchObject({
      port: 0,
      host: '127.0.0.1',
      pace: 1,
      defaultScenario: 'assistant',
      cacheMinimumTokens: 1024,
      keepCalls: Number.POSITIVE_INFINITY,
    })
  })

  it('answers a large body by header without parsing it', async () => {
    await withRehearsal({}, async (rehearsal) => {
      const body = prompt({ messages: [{ role: 'user', content: 'x'.repeat(1_000_000) }], model: 'claude-haiku-5-5' })
      const report = assertStreamGrammar(await bytesOf(await post(rehearsal, 'long; frames=3; simulate-cache=0', body)))
      expect(report.message.model).toBe('claude-haiku-5-5')
      expect(report.message.usage['input_tokens']).toBeGreaterThan(250_000)
    })
  })

  it("sse writes one event in the API's form", () => {
    expect(new TextDecoder().decode(sse('ping', { type: 'ping' }))).toBe('event: ping\ndata: {"type":"ping"}\n\n')
  })
})
