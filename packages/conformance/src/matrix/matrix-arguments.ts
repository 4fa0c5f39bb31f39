import { parseArgs } from 'node:util'

/** What the matrix was asked to do. */
export interface MatrixArguments {
  /** Empty for those of the committed table. */
  readonly versions: readonly string[]
  /** Ids of scenarios; empty for all. */
  readonly only: readonly string[]
  /** `sluice`, or the address of a gateway that runs. */
  readonly target: string
  readonly key: string
  readonly upstreamPort: number | undefined
  readonly isJson: boolean
  /** Where the JSON report is written to. */
  readonly out: string | undefined
  /** Keeps what `out` already holds of today, and runs the rest: a matrix that was broken off goes on. */
  readonly isOnlyMissing: boolean
  /** Reports of former runs, to be made into one; nothing is run then. Empty for a run. */
  readonly from: readonly string[]
  /** Where the table is written to. */
  readonly page: string | undefined
}

/** What `--help` says. */
export const MATRIX_USAGE: string = `Usage: sluice-conformance --claude-code [VERSION …] [flags]

Runs real versions of Claude Code without a gateway and through one, and compares what they did. Versions are installed with npm once;
\`pinned\` is the one that the lockfile names.

  --target sluice|URL   the gateway: Sluice, started for this, or one that forwards to the matrix's upstream (sluice)
  --key KEY             what Claude Code authenticates with at a URL (any)
  --upstream-port N     where the matrix's upstream listens; needed with a URL
  --only ID             only this scenario; repeatable
  --only-missing        keep the cells that --out holds of today, and run the others: goes on where a run was broken off
  --json                print the report as JSON, not the table
  --out FILE            write the report as JSON, after each cell
                        (with --only-missing packages/conformance/results/claude-code-DATE.json unless given)
  --from FILE           run nothing: read this report; repeatable, to put several into one table
  --page FILE           write the table as Markdown
`

/** Reads the command line; what is wrong with it is one line for the user. */
export function parseMatrixArguments(words: readonly string[]): MatrixArguments | { readonly problem: string } {
  try {
    const { values, positionals } = parseArgs({
      args: [...words],
      allowPositionals: true,
      options: {
        'claude-code': { type: 'boolean' },
        target: { type: 'string', default: 'sluice' },
        key: { type: 'string', default: 'any' },
        'upstream-port': { type: 'string' },
        only: { type: 'string', multiple: true, default: [] },
        'only-missing': { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        out: { type: 'string' },
        page: { type: 'string' },
        from: { type: 'string', multiple: true, default: [] },
        help: { type: 'boolean' },
      },
    })
    if (values.help === true) return { problem: MATRIX_USAGE }
    const port = values['upstream-port'] === undefined ? undefined : Number(values['upstream-port'])
    if (port !== undefined && !(Number.isInteger(port) && port > 0 && port < 65_536)) return { problem: '--upstream-port takes a number from 1 to 65535' }
    if (values.target !== 'sluice' && !URL.canParse(values.target)) return { problem: `--target takes "sluice" or an address, not "${values.target}"` }
    if (values.target !== 'sluice' && port === undefined) return { problem: 'with a --target of your own, --upstream-port says where it forwards to' }
    const { target, key, only, json, out, page, from } = values
    return { versions: positionals, only, target, key, upstreamPort: port, isJson: json, isOnlyMissing: values['only-missing'], out, page, from }
  } catch (error) {
    return { problem: `${error instanceof Error ? error.message : String(error)}\n\n${MATRIX_USAGE}` }
  }
}
