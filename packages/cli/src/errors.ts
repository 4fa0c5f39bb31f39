/** The command line or a setting is wrong: the caller must mend it. Ends the command with exit code 2. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError'
}

/** The command was right and could not do its work. Ends the command with exit code 1. */
export class CommandError extends Error {
  override readonly name: string = 'CommandError'
}

/** What went wrong, in words, of anything that can be thrown. */
export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

/** The system's code of a failure (`ECONNREFUSED`, `ENOENT`), looked for through its causes. */
export function systemCodeOf(cause: unknown): string | undefined {
  for (let error = cause; typeof error === 'object' && error !== null; error = (error as { readonly cause?: unknown }).cause) {
    const { code } = error as { readonly code?: unknown }
    if (typeof code === 'string') return code
  }
  return undefined
}
