import { ConfigurationError } from '@sluice/core'
import type { Command } from './command.ts'
import { CommandError, messageOf, UsageError } from './errors.ts'
import { flagHelp } from './flags/flags.ts'
import { didYouMean } from './flags/nearest.ts'
import type { Terminal } from './terminal.ts'
import { printable } from './terminal.ts'
import { version } from './version.ts'

interface CommandEntry {
  readonly about: string
  readonly load: () => Promise<Command>
}

const commands: Readonly<Record<string, CommandEntry>> = {
  start: { about: 'run the gateway', load: async () => (await import('./commands/start.ts')).start },
  report: { about: 'what was spent: by session, developer, repository, model …', load: async () => (await import('./commands/report.ts')).report },
  exchanges: { about: 'list exchanges, with usage, cost and proof of passthrough', load: async () => (await import('./commands/exchanges.ts')).exchanges },
  explain: { about: 'why an exchange went where it went', load: async () => (await import('./commands/explain.ts')).explain },
  policy: {
    about: 'where requests go: validate, explain, simulate, diff, publish, rollback, show',
    load: async () => (await import('./commands/policy.ts')).policy,
  },
  whatif: { about: 'what another policy, budget or price list would have cost', load: async () => (await import('./commands/what-if.ts')).whatIf },
  doctor: { about: 'check upstream, key, clock, gateway and the settings of Claude Code', load: async () => (await import('./commands/doctor.ts')).doctor },
  run: { about: 'launch a client through the gateway: sluice run -- claude', load: async () => (await import('./commands/run.ts')).run },
  scopes: { about: 'the organisation as a tree: add, list, archive', load: async () => (await import('./commands/scopes.ts')).scopes },
  keys: { about: 'virtual keys: create, list, rotate, revoke', load: async () => (await import('./commands/keys.ts')).keys },
  budgets: { about: 'what may be spent: set, show, list, effective, raise, remove', load: async () => (await import('./commands/budgets.ts')).budgets },
  limits: { about: 'how fast it may be spent: set, list, remove', load: async () => (await import('./commands/limits.ts')).limits },
  audit: { about: 'who changed what: list, verify', load: async () => (await import('./commands/audit.ts')).audit },
  migrate: { about: 'bring a PostgreSQL database to this version', load: async () => (await import('./commands/migrate.ts')).migrate },
  rehearse: { about: 'run a scripted upstream: no key, no spend', load: async () => (await import('./commands/rehearse.ts')).rehearse },
}

/** Runs one command line, without the program's own name. Resolves with the exit code: 0, 1 for a failure, 2 for a wrong call. */
export async function runCommandLine(words: readonly string[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = words
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    const asked = name === 'help' ? rest[0] : undefined
    if (asked !== undefined && Object.hasOwn(commands, asked)) return runCommandLine([asked, '--help'], terminal)
    terminal.write(overview())
    return name === undefined ? 2 : 0
  }
  if (name === '--version' || name === '-v') {
    terminal.write(version)
    return 0
  }
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (entry === undefined) {
    terminal.warn(`sluice: there is no command "${name}".${didYouMean(name, Object.keys(commands), (found) => `sluice ${found}`)}\n\n${overview()}`)
    return 2
  }
  const group = await entry.load()
  const [word = ''] = rest
  const below = group.commands !== undefined && Object.hasOwn(group.commands, word) ? group.commands[word] : undefined
  const command = below ?? group
  const called = below === undefined ? name : `${name} ${word}`
  const argv = below === undefined ? rest : rest.slice(1)
  if (asksForHelp(argv) && name !== 'rehearse') {
    terminal.write(helpOf(command))
    return 0
  }
  try {
    return await command.run(argv, terminal)
  } catch (cause) {
    if (cause instanceof UsageError || ConfigurationError.is(cause)) {
      terminal.warn(`sluice ${called}: ${messageOf(cause)}\nSee: sluice ${called} --help`)
      return 2
    }
    if (cause instanceof CommandError) {
      // It may quote a gateway that is not ours.
      terminal.warn(
        `sluice ${called}: ${cause.message
          .split('\n')
          .map((line) => printable(line, 2_000))
          .join('\n')}`,
      )
      return 1
    }
    throw cause
  }
}

/** `--help` before a `--`: what stands after belongs to the program that `run` launches. */
function asksForHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  return argv.slice(0, end === -1 ? undefined : end).some((word) => word === '--help' || word === '-h')
}

function overview(): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length))
  const rows = Object.entries(commands).map(([name, { about }]) => `  ${name.padEnd(width)}  ${about}`)
  return `Sluice ${version}: an AI gateway in front of Claude Code.\n\nUsage: sluice COMMAND [flags]\n\n${rows.join('\n')}\n\nsluice COMMAND --help tells more. From a clone: npm start, npm run sluice -- COMMAND.`
}

function helpOf({ usage, about, flags, notes }: Command): string {
  return [`Usage: sluice ${usage}`, about, ...(Object.keys(flags).length === 0 ? [] : [flagHelp(flags)]), ...(notes === undefined ? [] : [notes])].join('\n\n')
}
