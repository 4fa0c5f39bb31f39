import { UsageError } from '../errors.ts'

/** What a client of the gateway is told through its environment. */
export interface ClientSettings {
  readonly url: string
  /** The gateway's key. */
  readonly key?: string
  /** Stands in for a credential where the gateway asks for none: Claude Code wants one before it sends anything. */
  readonly placeholder?: string
  /** Sends the key beside the client's own credential, for a gateway that passes that on. */
  readonly isSplit?: boolean
  readonly repository?: string
}

type Environment = Readonly<Record<string, string | undefined>>

/** Environment variables that Claude Code reads; what the user has set for anything else stays. */
export function clientEnvironment(environment: Environment, { url, key, placeholder, isSplit = false, repository }: ClientSettings): Environment {
  const token = key !== undefined && !isSplit ? key : placeholder
  const headers: [string, string][] = []
  if (repository !== undefined) headers.push(['x-sluice-repository', repository])
  if (key !== undefined && isSplit) headers.push(['x-sluice-key', key])
  const custom = withCustomHeaders(environment['ANTHROPIC_CUSTOM_HEADERS'], headers)
  return {
    ...environment,
    ANTHROPIC_BASE_URL: url,
    ...(token !== undefined && { ANTHROPIC_AUTH_TOKEN: token }),
    // Request class, agent type and prompt id: finer attribution, and no content. The user may have said no.
    CLAUDE_CODE_GATEWAY_HINT_HEADERS: environment['CLAUDE_CODE_GATEWAY_HINT_HEADERS'] || '1',
    ...(custom !== '' && { ANTHROPIC_CUSTOM_HEADERS: custom }),
  }
}

/**
 * The user's own custom headers, one `Name: value` a line, and ours after them. A header that the user set already stays as it is.
 *
 * @throws UsageError for a value that would end its line and begin another header
 */
export function withCustomHeaders(existing: string | undefined, added: readonly (readonly [string, string])[]): string {
  const lines = (existing ?? '').split(/\r?\n/).filter((line) => line.trim() !== '')
  const names = new Set(lines.map((line) => line.split(':', 1)[0]?.trim().toLowerCase()))
  for (const [name, value] of added) {
    if (!/^[\x20-\x7e]*$/.test(value)) throw new UsageError(`the value of ${name} has characters that no header can carry.`)
    if (!names.has(name)) lines.push(`${name}: ${value}`)
  }
  return lines.join('\n')
}
