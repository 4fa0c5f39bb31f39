import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { cpuMicros, processTree, residentBytes } from './kernel.ts'

describe.skipIf(process.platform !== 'linux')('the kernel’s books', () => {
  it('count what a process and its children use, and nothing of its parent', async () => {
    const busy = 'const until = Date.now() + 200; while (Date.now() < until); console.log("done"); setInterval(() => undefined, 1000)'
    const outer = `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(busy)}], { stdio: 'inherit' })`
    const child = spawn(process.execPath, ['-e', outer], { stdio: ['ignore', 'pipe', 'inherit'] })
    const { pid = 0 } = child
    await once(child.stdout, 'data')
    const tree = processTree(pid)
    expect(tree).toHaveLength(2)
    expect(tree).not.toContain(process.pid)
    const [, inner = 0] = tree
    expect(cpuMicros(pid)).toBeGreaterThan(cpuMicros(inner))
    expect(cpuMicros(inner)).toBeGreaterThan(0)
    expect(residentBytes(pid)).toBeGreaterThan(residentBytes(inner))
    for (const each of tree) process.kill(each, 'SIGKILL')
  })

  it('say nothing of a process that is gone', async () => {
    const child = spawn(process.execPath, ['-e', ''])
    await once(child, 'close')
    expect([cpuMicros(child.pid ?? 0), residentBytes(child.pid ?? 0)]).toEqual([0, 0])
  })
})
