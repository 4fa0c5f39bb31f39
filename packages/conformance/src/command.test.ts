import { createServer, type AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { CASES } from './cases/index.ts'
import { parseCommand, selectCases } from './command-arguments.ts'
import { runCommand } from './command.ts'

async function said(...words: readonly string[]): Promise<{ readonly code: number; readonly printed: string; readonly complaints: string }> {
  const printed: string[] = []
  const complaints: string[] = []
  const code = await runCommand(words, { print: (text) => printed.push(text), say: (text) => complaints.push(text), isTerminal: false })
  return { code, printed: printed.join('\n'), complaints: complaints.join('\n') }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

test('--list --json prints every case as data', async () => {
  const { code, printed } = await said('--list', '--json')
  const cases = JSON.parse(printed) as readonly Record<string, unknown>[]
  expect(code).toBe(0)
  expect(cases).toHaveLength(CASES.length)
  expect(Object.keys(cases[0] ?? {})).toEqual(['id', 'group', 'title', 'requirement', 'source', 'severity', 'needs'])
})

test('ids, groups and severity choose cases', () => {
  const selection = (...words: readonly string[]): readonly string[] => {
    const command = parseCommand(['--list', ...words])
    return command.do === 'list' ? selectCases(CASES, command.selection).map(({ id }) => id) : []
  }
  expect(selection('--only', 'body-plain,stream-crlf')).toEqual(['body-plain', 'stream-crlf'])
  expect(selection('--only', 'cut-reset-*')).toHaveLength(8)
  expect(selection('--group', 'models', '--severity', 'must').length).toBeLessThan(selection('--group', 'models').length)
})

test.each([
  [['--only', 'no-such-case', '--list'], 'no case "no-such-case"'],
  [['--group', 'nonsense', '--list'], 'no group "nonsense"'],
  [['--target', 'nonsense'], '--target needs a URL'],
  [['--target', 'http://x', '--upstream-port', 'many'], '--upstream-port needs a whole number'],
  [['--target', 'http://x', '--budget-key', 'k'], 'belong together'],
  [['--target', 'http://x', '--auth-header', 'cookie'], '--auth-header is'],
  [['--nonsense'], 'nonsense'],
  [['--known-limitations', '/does/not/exist.json'], 'cannot read'],
])('%j is refused with the reason', async (words, reason) => {
  const { code, complaints } = await said(...words)
  expect(code).toBe(2)
  expect(complaints).toContain(reason)
})

test('a failed must makes the exit code 1: nothing listens at this target', async () => {
  const { code, printed } = await said('--target', `http://127.0.0.1:${await freePort()}`, '--upstream-port', '0', '--only', 'body-plain', '--json')
  expect(code).toBe(1)
  expect((JSON.parse(printed) as { readonly cases: readonly { readonly verdict: string }[] }).cases[0]?.verdict).toBe('fail')
})
