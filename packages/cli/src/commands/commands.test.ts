import { expect, test } from 'vitest'
import { runCommandLine } from '../command-line.ts'
import type { Terminal } from '../terminal.ts'

/** Runs a command line in this process. */
async function run(words: readonly string[]): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const [stdout, stderr]: [string[], string[]] = [[], []]
  const terminal: Terminal = {
    write: (line) => void stdout.push(line),
    warn: (line) => void stderr.push(line),
    style: (_, text) => text,
    isInteractive: false,
    environment: {},
    directory: '/',
    home: '/',
    now: () => Date.UTC(2026, 10, 24, 12),
  }
  const code = await runCommandLine(words, terminal)
  return { code, stdout: stdout.join('\n'), stderr: stderr.join('\n') }
}

test.each([
  [['budgets', 'set', '--scope', 'a', '--amount-usd', '0'], 'Give dollars above 0'],
  [['budgets', 'set', '--scope', 'a', '--amount-usd', '1', '--tokens', '5'], 'a budget counts one thing'],
  [['budgets', 'set', '--scope', 'a', '--amount-usd', '1', '--window', 'fortnight'], '--window: saw "fortnight"'],
  [['budgets', 'set', '--amount-usd', '1'], 'say what is counted'],
  [['keys', 'create'], '--scope is missing'],
  [['keys', 'revoke', 'no-id!'], 'that is no id of a key'],
  [['keys', 'rveoke', 'x'], 'Did you mean sluice keys revoke?'],
  [['scopes', 'add'], 'PATH is missing'],
  [['limits', 'set', '--scope', 'a'], 'say what is limited'],
  [['migrate'], '--store: give the database'],
  [['report', '--view', 'leaderbord'], '--view: saw "leaderbord"'],
])('sluice %j ends with 2 and says why: %s', async (words, message) => {
  expect(await run(words)).toEqual({ code: 2, stdout: '', stderr: expect.stringContaining(message) as string })
})

test.each([
  [['keys', '--help'], 'Usage: sluice keys create|list|rotate|revoke [flags]'],
  [['keys', 'create', '--help'], 'Usage: sluice keys create --scope PATH [flags]'],
  [['budgets', 'set', '-h'], '--hard-percent P'],
  [['migrate', '--help'], 'sluice migrate --store postgres://'],
])('sluice %j tells how it is called', async (words, text) => {
  expect(await run(words)).toEqual({ code: 0, stdout: expect.stringContaining(text) as string, stderr: '' })
})

test('a word that no command below has is told with the nearest, and the command that was called is named', async () => {
  expect((await run(['budgets', 'sett'])).stderr).toContain('Did you mean sluice budgets set?')
  expect((await run(['budgets', 'set', '--scpoe', 'a'])).stderr).toMatch(
    /^sluice budgets set: the flag --scpoe is not known\. Did you mean --scope\?\nSee: sluice budgets set --help/,
  )
})
