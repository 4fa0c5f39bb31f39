import { startRehearsal, type Rehearsal } from '@sluice/rehearsal'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

/** Memory of a gateway with many streams and slow readers. Sizes and counts only: no test here looks at a clock. */
describe('a gateway process under load', () => {
  let rehearsal: Rehearsal
  let child: ChildProcess
  let url: URL
  const frame = new TextEncoder().encode(
    `event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"${'x'.repeat(900)}"}}\n\n`,
  )

  beforeAll(async () => {
    rehearsal = await startRehearsal({ pace: 0, keepCalls: 0 })
    rehearsal.script((call) => {
      const kind = call.header('x-test')
      const headers: [string, string][] = [['content-type', 'text/event-stream']]
      if (kind === 'endless') return { status: 200, headers, steps: [{ repeat: [{ bytes: frame }], times: 200_000 }] }
      return { status: 200, headers, steps: [{ bytes: frame }, { stall: true }] }
    })
    child = fork(fileURLToPath(new URL('processes/gateway.ts', import.meta.url)), [rehearsal.url], { execArgv: ['--conditions=sluice-source', '--expose-gc'] })
    url = new URL(((await once(child, 'message')) as [{ url: string }])[0].url)
  })
  afterAll(async () => {
    child.kill('SIGKILL')
    await rehearsal.close()
  })

  interface Memory {
    readonly rss: number
    readonly heapUsed: number
    readonly arrayBuffers: number
    readonly underWay: number
  }

  async function ask<Answer>(question: string): Promise<Answer> {
    const answer = once(child, 'message')
    child.send(question)
    return ((await answer) as [Answer])[0]
  }

  /** Opens streams and reads of each its first bytes, no more. */
  async function open(count: number, kind: string): Promise<readonly Socket[]> {
    const sockets: Socket[] = []
    for (let opened = 0; opened < count; opened += 50) {
      sockets.push(
        ...(await Promise.all(
          Array.from({ length: Math.min(50, count - opened) }, async () => {
            const socket = connect(Number(url.port), url.hostname)
            await once(socket, 'connect')
            const body = '{"model":"claude-opus-5-5","stream":true,"messages":[]}'
            socket.write(
              `POST /v1/messages HTTP/1.1\r\nhost: ${url.host}\r\ncontent-type: application/json\r\nx-api-key: k\r\nx-test: ${kind}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
            )
            await once(socket, 'data')
            socket.pause()
            return socket
          }),
        )),
      )
    }
    return sockets
  }

  async function close(sockets: readonly Socket[]): Promise<void> {
    for (const socket of sockets) socket.destroy()
    while ((await ask<Memory>('memory')).underWay > 0) await sleep(20)
  }

  it('R10, B20: a reader that takes nothing of an endless reply costs under 64 KB', { timeout: 300_000 }, async () => {
    // A process takes its working room from the system as it goes and keeps it, so one round says little: what readers hold shows in every round.
    let least = { rss: Infinity, buffers: Infinity }
    for (let round = 0; round < 15 && (least.rss >= 64 * 1024 || round < 4); round += 1) {
      const before = await ask<Memory>('memory')
      const sockets = await open(100, 'endless')
      await sleep(1_000)
      const during = await ask<Memory>('memory')
      expect(during.underWay).toBe(100)
      const held = { rss: (during.rss - before.rss) / sockets.length, buffers: (during.arrayBuffers - before.arrayBuffers) / sockets.length }
      if (held.rss < least.rss) least = held
      await close(sockets)
    }
    console.log(`per slow reader: RSS ${Math.round(least.rss / 1024)} KB, buffers ${Math.round(least.buffers / 1024)} KB`)
    expect(least.rss).toBeLessThan(64 * 1024)
    // A few reads of the upstream's socket, 64 KB each, and batches for the client's.
    expect(least.buffers).toBeLessThan(384 * 1024)
  })

  it('R9, R10: holds 2,000 open streams in one process, and lets go of every one', { timeout: 120_000 }, async () => {
    const before = await ask<Memory>('memory')
    const sockets = await open(2_000, 'idle')
    const during = await ask<Memory>('memory')
    expect(during.underWay).toBe(2_000)
    console.log(`RSS per open idle stream: ${Math.round((during.rss - before.rss) / sockets.length / 1024)} KB`)
    expect((during.rss - before.rss) / sockets.length).toBeLessThan(64 * 1024)
    await close(sockets)
    expect(rehearsal.openStreams).toBe(0)
  })
})
