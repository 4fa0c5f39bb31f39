import type { FlagSpecs } from './flags/flags.ts'
import type { Terminal } from './terminal.ts'

/** One command of `sluice`. */
export interface Command {
  /** How it is called, after `sluice`. */
  readonly usage: string
  /** A few lines: what it does. */
  readonly about: string
  readonly flags: FlagSpecs
  /** Commands below this one, by their word: `keys create`. A command that has some does nothing by itself. */
  readonly commands?: Readonly<Record<string, Command>>
  /** Further help, below the flags. */
  readonly notes?: string
  /**
   * Does it; resolves with the exit code.
   * @throws UsageError, CommandError
   */
  readonly run: (argv: readonly string[], terminal: Terminal) => Promise<number>
}
