import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { ExchangeJson } from '@sluice/admin'
import { claudeBinary } from './claude-binary.ts'
import { sluice, startGateway } from './sluice.ts'

describe.skipIf(claudeBinary === undefined)('sluice run -- claude', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'sluice-run-claude-'))
  const home = join(scratch, 'home')
  const directory = join(scratch, 'payments-api')
  mkdirSync(home)
  mkdirSync(directory)
  afterAll(() => rmSync(scratch, { recursive: true, force: true, maxRetries: 5 }))

  it(
    'the quick start: with no credential anywhere, a prompt is answered by a rehearsal, tool calls and all, and is in the report',
    { timeout: 120_000 },
    async () => {
      const gateway = await startGateway(['--rehearse'])
      const env = {
        PATH: `${dirname(claudeBinary ?? '')}:${process.env['PATH']}`,
        HOME: home,
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
        DISABLE_AUTOUPDATER: '1',
      }
      const prompt = 'Please rehearse. [[rehearse tool-loop turns=2]]'
      const words = ['claude', '-p', prompt, '--output-format', 'json', '--permission-mode', 'acceptEdits', '--allowedTools', 'Bash Read Write Edit']
      const { code, stdout, stderr } = await sluice(['run', '--url', gateway.url, '--', ...words], { cwd: directory, env })
      expect([code, stderr]).toEqual([0, ''])
      const result = JSON.parse(stdout) as { is_error: boolean; session_id: string }
      expect(result.is_error).toBe(false)
      const listed = await sluice(['exchanges', '--url', gateway.url, '--session', result.session_id, '--json'])
      const exchanges = JSON.parse(listed.stdout) as readonly ExchangeJson[]
      expect(exchanges.map(({ outcome, status }) => [outcome, status])).toEqual(Array.from({ length: 3 }, () => ['completed', 200]))
      await gateway.stop()
    },
  )
})
