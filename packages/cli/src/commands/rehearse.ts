import { runRehearsal } from '@sluice/rehearsal'
import type { Command } from '../command.ts'
import { stopSignals } from '../start/stop-signals.ts'

/** `sluice rehearse`: the scripted upstream, which reads its own flags. */
export const rehearse: Command = {
  usage: 'rehearse [flags]',
  about: 'Runs a scripted Messages API upstream.',
  flags: {},
  run: async (argv, terminal) => {
    const { exitCode, rehearsal } = await runRehearsal(argv, { write: terminal.write })
    if (rehearsal === undefined) return exitCode
    await stopSignals(terminal.now).first
    await rehearsal.close()
    return exitCode
  },
}
