import type { Command } from './command.ts'
import { UsageError } from './errors.ts'
import { didYouMean } from './flags/nearest.ts'

/** A command of several words: `sluice keys create`. */
export function commandGroup(name: string, about: string, commands: Readonly<Record<string, Command>>): Command {
  const words = Object.keys(commands)
  const width = Math.max(...Object.values(commands).map(({ usage }) => usage.length))
  return {
    usage: `${name} ${words.join('|')} [flags]`,
    about,
    flags: {},
    notes: `${Object.values(commands)
      .map(({ usage, about: does }) => `  ${usage.padEnd(width)}  ${does.split('\n')[0] ?? ''}`)
      .join('\n')}\n\nsluice ${name} ${words[0] ?? ''} --help tells more.`,
    commands,
    run: (argv) => {
      const [word = ''] = argv
      throw new UsageError(
        word === '' || word.startsWith('-')
          ? `say what to do: ${words.join(', ')}.`
          : `there is no "${name} ${word}".${didYouMean(word, words, (found) => `sluice ${name} ${found}`)} There are ${words.join(', ')}.`,
      )
    },
  }
}
