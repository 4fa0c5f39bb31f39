import { describe, expect, it } from 'vitest'
import { runRehearsal, SCENARIOS } from '../src/index.ts'
import { bytesOf, lastCall, post } from './support.ts'

async function run(...argv: string[]): Promise<{ lines: string[]; result: Awaited<ReturnType<typeof runRehearsal>> }> {
  const lines: string[] = []
  return { lines, result: await runRehearsal(argv, { write: (line) => lines.push(line) }) }
}

describe('sluice rehearse', () => {
  it('--list prints every scenario with its summary and options and starts nothing', async () => {
    const { lines, result } = await run('--list')
    expect(result).toEqual({ exitCode: 0 })
    for (const { name, summary } of SCENARIOS) {
      expect(lines.join('\n')).toContain(name)
      expect(lines.join('\n')).toContain(summary)
    }
    expect(lines.join('\n')).toContain('after-frames')
  })

  it('prints where it listens and one line per call', async () => {
    const { lines, result } = await run('--scenario', 'text; words=3', '--pace', '0')
    const rehearsal = result.rehearsal
    if (rehearsal === undefined) throw new Error('it did not start')
    expect(lines.join('\n')).toContain(`listening on ${rehearsal.url}\n`)
    await bytesOf(await post(rehearsal, undefined))
    await lastCall(rehearsal)
    expect(lines.at(-1)).toMatch(/^#1 POST \/v1\/messages 200 text completed \d+ ms in \d+ read 0 write 0 out \d+ claude-opus-5-5$/)
    await rehearsal.close()
  })

  it('stops when its signal aborts', async () => {
    const stop = new AbortController()
    const { rehearsal } = await runRehearsal([], { write: () => {}, signal: stop.signal })
    stop.abort()
    await new Promise((resolve) => setTimeout(resolve, 20))
    await expect(fetch(rehearsal?.url ?? '')).rejects.toThrow()
  })

  it.each([
    [['--port', 'x'], '--port is "x"'],
    [['--pace', '-1'], '--pace'],
    [['--frob'], 'frob'],
    [['--scenario', 'no-such'], 'use one of'],
  ])('refuses %j and says why', async (argv, why) => {
    const { lines, result } = await run(...argv)
    expect(result.exitCode).toBeGreaterThan(0)
    expect(lines.join('\n')).toContain(why)
  })

  it('--help prints the usage', async () => {
    expect((await run('--help')).lines.join('\n')).toContain('x-rehearsal-scenario')
  })
})
