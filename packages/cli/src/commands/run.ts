import { spawn, spawnSync } from 'node:child_process'
import { constants } from 'node:os'
import { clientEnvironment } from '../client/client-environment.ts'
import { claudeSettings, hasCredential, type ClaudeSettings } from '../client/claude-settings.ts'
import { repositoryFromRemote } from '../client/repository.ts'
import type { Command } from '../command.ts'
import { systemCodeOf, UsageError } from '../errors.ts'
import { parseFlags, type FlagSpecs } from '../flags/flags.ts'
import { assertGateway, defaultGatewayUrl, gatewayUrl, readGateway } from '../gateway/gateway-client.ts'
import type { Terminal } from '../terminal.ts'

// The one place in Sluice that starts other programs: the user's own command, as given, and git to ask for a remote. Neither goes through a shell.

/** What a client presents to a gateway that asks for no key. It is nobody's, and no gateway passes it on. */
const openPlaceholder = 'sluice-open'

const flags: FlagSpecs = {
  url: { value: 'URL', about: `the gateway (SLUICE_URL, or ${defaultGatewayUrl})` },
  key: { value: 'K', about: 'your key of the gateway (SLUICE_KEY)' },
  split: { about: 'send the key in x-sluice-key, beside your own Anthropic credential' },
  repository: { value: 'NAME', about: 'what to book the work to (owner/name of the git remote)' },
}

/** `sluice run -- claude …`: launches a client through the gateway. */
export const run: Command = {
  usage: 'run [flags] -- COMMAND [arguments]',
  about: 'Launches Claude Code (or another client of the API) with its environment set for the gateway, and ends with its exit code.',
  flags,
  notes:
    'Sets ANTHROPIC_BASE_URL, ANTHROPIC_CUSTOM_HEADERS (yours are kept), CLAUDE_CODE_GATEWAY_HINT_HEADERS, and ANTHROPIC_AUTH_TOKEN: to the key, or to a ' +
    `placeholder (${openPlaceholder}) where the gateway asks for no key and you have set no credential.`,
  run: async (argv, terminal) => {
    const end = argv.indexOf('--')
    const [program, ...programArguments] = end === -1 ? [] : argv.slice(end + 1)
    const given = parseFlags(flags, end === -1 ? argv : argv.slice(0, end))
    if (program === undefined) throw new UsageError('there is no command to launch. Put it after --, such as: sluice run -- claude')
    const url = gatewayUrl(given, terminal)
    const key = given.text('key') ?? (terminal.environment['SLUICE_KEY'] || undefined)
    if (given.has('split') && key === undefined)
      throw new UsageError('--split sends a key of the gateway beside your own credential, and there is none. Add --key or SLUICE_KEY.')
    await assertGateway(url)
    const settings = claudeSettings(terminal)
    const gateway = await readGateway(url, terminal)
    const hasOwn = hasCredential(settings)
    if (gateway?.authentication === 'key' && key === undefined && !hasOwn) throw new UsageError(keyWanted(url))
    const repository = given.text('repository') ?? remoteRepository(terminal.directory)
    const environment = clientEnvironment(terminal.environment, {
      url,
      isSplit: given.has('split'),
      ...(key !== undefined && { key }),
      ...(gateway?.authentication === 'none' && !hasOwn && { placeholder: openPlaceholder }),
      ...(repository !== undefined && { repository }),
    })
    warnOfSettings(url, settings, terminal)
    return launch(program, programArguments, environment, terminal)
  },
}

function keyWanted(url: string): string {
  return `the gateway at ${url} lets in holders of its keys, and there is none here. Give yours with SLUICE_KEY or --key; whoever runs the gateway has it (without keys of its own it showed one when it started). Where clients bring their own Anthropic credential, add --split.`
}

/** Settings files go before the environment, so one of them can undo what this command sets. */
function warnOfSettings(url: string, { files }: ClaudeSettings, terminal: Terminal): void {
  for (const { path, env } of files) {
    const other = env['ANTHROPIC_BASE_URL']
    if (other !== undefined && other.replace(/\/+$/, '') !== url)
      terminal.warn(`sluice run: ${path} sets ANTHROPIC_BASE_URL to another address, and Claude Code follows that file. Remove it there.`)
  }
}

function remoteRepository(directory: string): string | undefined {
  const git = (...words: string[]): string | undefined => {
    const { status, stdout } = spawnSync('git', words, { cwd: directory, encoding: 'utf8', timeout: 2_000, stdio: ['ignore', 'pipe', 'ignore'] })
    return status === 0 ? stdout.trim() : undefined
  }
  const names = git('remote')?.split('\n') ?? []
  const name = names.includes('origin') ? 'origin' : names[0]
  const remote = name === undefined || name === '' ? undefined : git('remote', 'get-url', '--', name)
  return remote === undefined ? undefined : repositoryFromRemote(remote)
}

function launch(program: string, words: readonly string[], environment: Readonly<Record<string, string | undefined>>, terminal: Terminal): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(program, words, { stdio: 'inherit', env: environment, cwd: terminal.directory })
    const forward = (signal: NodeJS.Signals): void => {
      // On a terminal Ctrl-C reaches the child by itself; passed on as well it would count twice.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    }
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const
    for (const signal of signals) process.on(signal, forward)
    const finish = (code: number): void => {
      for (const signal of signals) process.off(signal, forward)
      resolve(code)
    }
    child.once('error', (cause) => {
      const code = systemCodeOf(cause)
      terminal.warn(
        code === 'ENOENT'
          ? `sluice run: the command "${program}" was not found on PATH. Install it, or give its path.`
          : `sluice run: cannot launch "${program}" (${code ?? cause.name}).`,
      )
      finish(code === 'ENOENT' ? 127 : 126)
    })
    child.once('exit', (code, signal) => finish(code ?? 128 + (signal === null ? 0 : constants.signals[signal])))
  })
}
