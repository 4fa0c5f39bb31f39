import { describe, expect, test } from 'vitest'
import { ask, bundleExample, optionalBinary, runCommand, sentByUpstream, type ExampleCommand } from '../support/run-example.ts'

const bun = optionalBinary('@oven/bun-linux-x64/bin/bun')
const deno = optionalBinary('@deno/linux-x64-glibc/deno')

const runtimes: readonly (readonly [name: string, program: string | undefined, args: readonly string[]])[] = [
  ['Bun', bun, ['run']],
  ['Deno', deno, ['serve', '--no-prompt', '--no-config', '--allow-net', '--allow-env', '--host', '127.0.0.1', '--port', '0']],
]

describe.each(runtimes)('%s', (name, program, args) => {
  test.skipIf(program === undefined)(`${name} serves the default export, and messages pass byte for byte`, async () => {
    const command: ExampleCommand = { program: program as string, args: [...args, await bundleExample('fetch/fetch.ts')] }
    const example = await runCommand(command)
    const { status, text } = await ask(example.url)
    expect(status).toBe(200)
    expect(text).toBe(sentByUpstream(example))
    expect((await ask(example.url, { isStream: false })).text).toContain('"stop_reason"')
  })
})
