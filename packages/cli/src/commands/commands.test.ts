import { describe, expect, test } from 'vitest'
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
  [['policy', 'publish'], 'FILE is missing'],
  [['policy', 'publish', 'recommended', '--rule', 'keep'], 'FILE and --rule give two policies'],
  [['policy', 'rollback', 'v1'], 'VERSION: "v1" is no version'],
  [['policy', 'rolback'], 'Did you mean sluice policy rollback?'],
  [['policy', 'validate', '/nonexistent.json'], 'cannot read /nonexistent.json'],
  [['policy', 'explain', 'recommended', '--model', 'claude-opus-5-5'], 'describe the request'],
  [['policy', 'simulate', '--model', 'claude-opus-9'], '"claude-opus-9" has no price'],
  [['explain'], 'EXCHANGE is missing'],
  [['explain', 'a/b'], 'is no id'],
  [['whatif'], 'say what is to be different'],
  [['whatif', '--rule', 'keep', '--group-by', 'sesion'], 'Did you mean session?'],
  [['whatif', '--budget', 'b.json', '--amount-usd', '5', '--scope', 'a'], '--budget and a cap in flags'],
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

describe('a policy without a gateway', () => {
  test('is valid, by its version and its rules; a model without a price is warned of', async () => {
    expect(await run(['policy', 'validate', 'recommended'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^the recommended policy is valid: version [0-9a-f]{16}, 3 rules\.\n {2}side-calls: when kind/) as string,
      stderr: '',
    })
    const misspelt = await run(['policy', 'validate', '--rule', 'use claude-opus-55'])
    expect([misspelt.code, misspelt.stderr]).toEqual([0, expect.stringContaining('claude-opus-55 has no price in the list that ships')])
  })

  test('is not valid: ends with 1 and names the place, for programs too', async () => {
    const broken = ['policy', 'validate', '--rule', 'keep', '--rule', 'when input > 10k keep']
    expect(await run(broken)).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('policy.rules[1]: ">" is no comparison here') as string })
    const answer = await run([...broken, '--json'])
    expect([answer.code, JSON.parse(answer.stdout)]).toEqual([1, { isValid: false, problem: expect.stringContaining('policy.rules[1]') as string }])
    expect((await run(['policy', 'validate', '--rule', 'use upstream eu', '--upstreams', 'us,asia'])).stderr).toContain(
      '"eu" is not configured. There are us, asia.',
    )
  })

  test('is explained and simulated, with a row of its own', async () => {
    expect((await run(['policy', 'explain', 'recommended', '--model', 'claude-opus-5-5', '--input', '1k', '--kind', 'title'])).stdout).toContain(
      'side-calls: matches, and decides',
    )
    const { stdout } = await run(['policy', 'simulate', '--rule', 'when kind is title use claude-haiku-5-5', '--sessions', '2', '--json'])
    expect((JSON.parse(stdout) as { name: string; costNanoUsd: string }[]).map(({ name }) => name)).toContain('Sluice: --rule')
    expect((await run(['policy', 'schema'])).stdout).toContain('"rules"')
  })
})
