import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { freePort, portOf, startChild, type PeerChild } from './child-process.ts'
import { NotHere } from './peer.ts'

function run(script: string): PeerChild {
  return startChild({ program: process.execPath, args: ['-e', script] })
}

describe('a child process', () => {
  it('says what is found in its output, on both streams', async () => {
    const child = run('console.error(JSON.stringify({ port: 1234 })); setInterval(() => undefined, 1000)')
    expect(await child.said(portOf)).toBe(1234)
    await child.stop()
  })

  it('that ends before it has said it is not to be had, for the reason that it gave', async () => {
    const child = run('console.error("TypeError: no such option"); console.error("Node.js"); process.exitCode = 3')
    await expect(child.said(portOf)).rejects.toThrow(new NotHere('it ended with 3: TypeError: no such option'))
    await child.stop()
  })

  it('whose program is not there is not to be had', async () => {
    const child = startChild({ program: '/no/such/program', args: [] })
    await expect(child.said(portOf)).rejects.toThrow('ENOENT')
    await child.stop()
  })

  it('listens once its port takes connections', async () => {
    const port = await freePort()
    const child = run(`setTimeout(() => require('net').createServer().listen(${port}, '127.0.0.1'), 200)`)
    await child.listensOn(port)
    await child.stop()
    expect(await canBeTaken(port)).toBe(true)
  })

  it('takes its own children along when it is stopped', async () => {
    const port = await freePort()
    const inner = `require('net').createServer().listen(${port}, '127.0.0.1')`
    const child = run(`require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(inner)}])`)
    await child.listensOn(port)
    await child.stop()
    await expect.poll(() => canBeTaken(port)).toBe(true)
  })

  it('is stopped as often as one likes', async () => {
    const child = run('setInterval(() => undefined, 1000)')
    await child.stop()
    await child.stop()
    expect(isRunning(child.pid)).toBe(false)
  })
})

/** Nobody else listens there any more. */
function canBeTaken(port: number): Promise<boolean> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    // There is no such process.
    return false
  }
}
