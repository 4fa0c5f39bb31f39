import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startRehearsal, validateMessageStream, type Rehearsal } from '../src/index.ts'
import { bytesOf, lastCall, overSocket, post, prompt } from './support.ts'

let rehearsal: Rehearsal
beforeAll(async () => {
  rehearsal = await startRehearsal()
})
afterAll(() => rehearsal.close())

const eventsIn = (text: string): number => text.match(/^event: /gm)?.length ?? 0

describe('faults on the socket', () => {
  it('a reset arrives as ECONNRESET after exactly the promised frames', async () => {
    const seen = await overSocket(rehearsal, 'cut; after-frames=4; how=reset')
    expect(seen.ending).toBe('ECONNRESET')
    expect(eventsIn(seen.text)).toBe(4)
    const call = await lastCall(rehearsal)
    expect(call).toMatchObject({ outcome: 'cut', responseStatus: 200 })
    expect(call.usage).toMatchObject({ final: false, outputTokens: 1 })
  })

  it('a FIN arrives as an end without the last chunk of the body', async () => {
    const seen = await overSocket(rehearsal, 'cut; after-frames=4; how=fin')
    expect(seen.ending).toBe('fin')
    expect(eventsIn(seen.text)).toBe(4)
    expect(seen.text.endsWith('0\r\n\r\n')).toBe(false)
    expect((await lastCall(rehearsal)).outcome).toBe('cut')
  })

  it.each(['reset', 'fin'])('a %s before any frame leaves the client without a byte', async (how) => {
    const seen = await overSocket(rehearsal, `cut; after-frames=0; how=${how}`)
    expect(seen).toEqual({ text: '', ending: how === 'reset' ? 'ECONNRESET' : 'fin' })
    expect((await lastCall(rehearsal)).responseStatus).toBe(0)
  })

  it('a proper end of the body may still leave the message unfinished', async () => {
    const report = validateMessageStream(await bytesOf(await post(rehearsal, 'cut; how=end; after-frames=4')))
    expect(report).toMatchObject({ valid: true, complete: false })
    expect((await lastCall(rehearsal)).outcome).toBe('completed')
    const half = await (await post(rehearsal, 'cut; how=end', prompt({ stream: false }))).text()
    expect(() => JSON.parse(half)).toThrow()
  })

  it('a JSON answer that is cut announces more bytes than it sends', async () => {
    const seen = await overSocket(rehearsal, 'cut; how=fin', prompt({ stream: false }))
    const announced = Number(/content-length: (\d+)/.exec(seen.text)?.[1])
    expect(announced).toBeGreaterThan(seen.text.length - seen.text.indexOf('\r\n\r\n') - 4)
  })

  it('a stalled stream stays open and silent until the client leaves', async () => {
    const leave = new AbortController()
    const response = await post(rehearsal, 'stall; after-frames=3', prompt(), { signal: leave.signal })
    const reader = response.body?.getReader()
    await reader?.read()
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(rehearsal.openStreams).toBe(1)
    leave.abort()
    expect(await lastCall(rehearsal)).toMatchObject({ outcome: 'client-gone', scenario: 'stall' })
    expect(rehearsal.openStreams).toBe(0)
  })

  it('an error event ends a stream in the middle, and a JSON request gets the status instead', async () => {
    const report = validateMessageStream(await bytesOf(await post(rehearsal, 'mid-stream-error; after-frames=5')))
    expect(report).toMatchObject({ valid: true, complete: false, errorType: 'overloaded_error' })
    expect(report.eventNames).toHaveLength(6)
    expect((await post(rehearsal, 'mid-stream-error', prompt({ stream: false }))).status).toBe(529)
  })

  it('silence falls before the head, or between the head and the first frame', async () => {
    const before = performance.now()
    const late = await post(rehearsal, 'silent; head-millis=80; millis=0')
    expect(performance.now() - before).toBeGreaterThanOrEqual(75)
    await late.text()
    const response = await post(rehearsal, 'silent; millis=80')
    const headAt = performance.now()
    await response.text()
    expect(performance.now() - headAt).toBeGreaterThanOrEqual(60)
  })

  it('pings fill a silence when asked for', async () => {
    const text = await (await post(rehearsal, 'silent; millis=20; pings=3')).text()
    expect(text.match(/event: ping/g)).toHaveLength(4)
  })

  it('a slow drip takes its pause before every frame', async () => {
    const start = performance.now()
    const text = await (await post(rehearsal, 'slow-drip; delay-millis=5; words=10')).text()
    expect(performance.now() - start).toBeGreaterThanOrEqual((eventsIn(text) - 1) * 4)
  })

  it.each(['html', 'broken', 'empty'])('garbage of kind %s is a 200 that no client can read', async (kind) => {
    const response = await post(rehearsal, `garbage-json; kind=${kind}`)
    expect(response.status).toBe(200)
    const text = await response.text()
    expect(() => JSON.parse(text)).toThrow()
  })

  it.each(['gzip', 'br', 'zstd'])('%s is flushed event by event', async (name) => {
    const response = await fetch(`${rehearsal.url}/v1/messages`, {
      method: 'POST',
      headers: { 'anthropic-version': '2023-06-01', 'x-rehearsal-scenario': `${name}; delay-millis=15` },
      body: JSON.stringify(prompt()),
    })
    expect(response.headers.get('content-encoding')).toBe(name)
    const reader = response.body?.getReader()
    const first = await reader?.read()
    expect(new TextDecoder().decode(first?.value)).toContain('message_start')
    expect(await Promise.race([lastCall(rehearsal), Promise.resolve('open')])).toBe('open')
    await reader?.cancel()
  })

  it('pace multiplies delays and pace 0 removes them', async () => {
    const fast = await startRehearsal({ pace: 0 })
    const start = performance.now()
    await (await post(fast, 'slow-drip; delay-millis=1000')).text()
    expect(performance.now() - start).toBeLessThan(900)
    await fast.close()
  })
})
