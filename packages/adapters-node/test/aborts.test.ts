import { startRehearsal } from '@sluice/rehearsal'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'

/** How many clients leave: ten seconds of a quiet machine. `SLUICE_ABORTS` makes it fewer, or more. */
const aborts = Number(process.env['SLUICE_ABORTS'] ?? 10_000)
const atOnce = 50
/** Clients that leave before anything is compared: what is made once, and code that is compiled when it is warm, is no leak. */
const warmUp = 1_000
/** A few dozen bytes for each that left, where an open stream holds twenty thousand: the heap of a process that works breathes by as much. */
const mostHeapGrowth = 1_000_000 + aborts * 100

interface Account {
  readonly underWay: number
  readonly heldNanoUsd: string
  readonly timers: number
  readonly sockets: number
  readonly listeners: number
  readonly heapBytes: number
  readonly outcomes: Readonly<Record<string, number>>
  readonly faults: readonly string[]
  readonly warnings: readonly string[]
}

const frame = `event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-opus-5-5","content":[],"usage":{"input_tokens":5,"output_tokens":1}}}\n\n`

test(
  `R9: ${aborts} clients that leave within their request, before the head and within the stream leave no socket, timer, listener, hold or memory behind`,
  {
    timeout: 280_000,
  },
  async () => {
    const rehearsal = await startRehearsal({ pace: 0, keepCalls: 0 })
    onTestFinished(() => rehearsal.close())
    const started = { bytes: new TextEncoder().encode(frame) }
    rehearsal.script((call) => ({
      status: 200,
      headers: [['content-type', 'text/event-stream']],
      steps: call.header('x-test') === 'before-head' ? [{ stall: true }, { head: true }] : [started, { stall: true }],
    }))
    const gateway = fork(fileURLToPath(new URL('processes/counted-gateway.ts', import.meta.url)), [rehearsal.url], {
      execArgv: ['--conditions=sluice-source', '--expose-gc'],
    })
    onTestFinished(() => void gateway.kill('SIGKILL'))
    const url = new URL(((await once(gateway, 'message')) as [{ url: string }])[0].url)

    const account = async (): Promise<Account> => {
      const answer = once(gateway, 'message')
      gateway.send('account')
      return ((await answer) as [Account])[0]
    }
    /** Waits for the last client to be gone. What stays then, stays. */
    const settled = async (): Promise<Account> => {
      for (;;) {
        const now = await account()
        if (now.underWay === 0 && now.sockets === 0 && rehearsal.openStreams === 0) return now
        await sleep(50)
      }
    }
    const leave = async (index: number): Promise<void> => {
      const socket = connect(Number(url.port), url.hostname)
      socket.on('error', () => undefined)
      await once(socket, 'connect')
      const body = '{"model":"claude-opus-5-5","stream":true,"max_tokens":100,"messages":[]}'
      const when = (['within-request', 'before-head', 'within-stream'] as const)[index % 3] ?? 'within-stream'
      const head = `POST /v1/messages HTTP/1.1\r\nhost: ${url.host}\r\ncontent-type: application/json\r\nx-api-key: a-secret-of-no-worth\r\nx-test: ${when}\r\ncontent-length: ${body.length}\r\n\r\n`
      socket.write(when === 'within-request' ? `${head}${body.slice(0, 20)}` : `${head}${body}`)
      if (when === 'within-stream') await once(socket, 'data')
      else await sleep(20)
      if (index % 2 === 0) socket.destroy()
      else socket.resetAndDestroy()
    }
    const leaveAll = async (count: number): Promise<void> => {
      for (let left = 0; left < count; left += atOnce) await Promise.all(Array.from({ length: atOnce }, (_, index) => leave(left + index)))
    }

    await leaveAll(warmUp)
    const before = await settled()
    await leaveAll(aborts)
    const after = await settled()
    console.log(`after ${aborts} aborts: ${JSON.stringify(after.outcomes)}, heap ${Math.round((after.heapBytes - before.heapBytes) / aborts)} bytes each`)
    expect(after.outcomes).toEqual({ 'client-gone': warmUp + aborts })
    expect([after.heldNanoUsd, after.timers, after.listeners]).toEqual(['0', before.timers, before.listeners])
    expect([after.faults, after.warnings]).toEqual([[], []])
    expect(after.heapBytes - before.heapBytes).toBeLessThan(mostHeapGrowth)
  },
)
