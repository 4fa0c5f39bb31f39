import { runCommandLine } from './command-line.ts'
import { processTerminal } from './terminal.ts'

/** How long the last lines may take to reach a slow reader before the process ends without it. */
const flushMillis = 2_000

const code = await runCommandLine(process.argv.slice(2), processTerminal())
setTimeout(() => process.exit(code), flushMillis)
process.stdout.write('', () => process.stderr.write('', () => process.exit(code)))
