import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Terminal } from '../terminal.ts'

/** A settings file of Claude Code. */
export interface SettingsFile {
  readonly path: string
  /** The variables it sets for sessions; they go before the shell's. */
  readonly env: Readonly<Record<string, string>>
  readonly hasApiKeyHelper: boolean
  /** Why it could not be read, where it exists and could not. */
  readonly problem?: string
}

/** A variable as a session of Claude Code sees it, and who said so. */
export interface EffectiveVariable {
  readonly value: string
  /** `the environment`, or a file's path. */
  readonly source: string
}

/** What Claude Code would run with in this directory. */
export interface ClaudeSettings {
  readonly files: readonly SettingsFile[]
  readonly variable: (name: string) => EffectiveVariable | undefined
}

/** Reads the settings of Claude Code, weakest first: the environment, the user's, the project's, the project's local ones, the managed ones. */
export function claudeSettings({ environment, directory, home }: Pick<Terminal, 'environment' | 'directory' | 'home'>): ClaudeSettings {
  const configDirectory = environment['CLAUDE_CONFIG_DIR'] || join(home, '.claude')
  const managed =
    process.platform === 'darwin'
      ? '/Library/Application Support/ClaudeCode'
      : process.platform === 'win32'
        ? 'C:\\ProgramData\\ClaudeCode'
        : '/etc/claude-code'
  const paths = [
    join(configDirectory, 'settings.json'),
    join(directory, '.claude', 'settings.json'),
    join(directory, '.claude', 'settings.local.json'),
    join(managed, 'managed-settings.json'),
  ]
  const files = paths.map(readSettings).filter((file) => file !== undefined)
  return {
    files,
    variable: (name) => {
      const file = files.findLast(({ env }) => Object.hasOwn(env, name))
      if (file !== undefined) return { value: file.env[name] as string, source: file.path }
      const value = environment[name]
      return value === undefined || value === '' ? undefined : { value, source: 'the environment' }
    },
  }
}

/** Whether a session would present something to a gateway that it did not get by signing in. */
export function hasCredential({ files, variable }: ClaudeSettings): boolean {
  return (
    ['ANTHROPIC_AUTH_TOKEN', 'ANTHROPIC_API_KEY'].some((name) => Boolean(variable(name)?.value)) ||
    files.some(({ hasApiKeyHelper }) => hasApiKeyHelper) ||
    /^ *(?:x-sluice-key|x-api-key|authorization) *:/im.test(variable('ANTHROPIC_CUSTOM_HEADERS')?.value ?? '')
  )
}

function readSettings(path: string): SettingsFile | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    return code === 'ENOENT' || code === 'ENOTDIR' ? undefined : { path, env: {}, hasApiKeyHelper: false, problem: `cannot be read (${code})` }
  }
  try {
    const settings = JSON.parse(text) as { readonly env?: unknown; readonly apiKeyHelper?: unknown }
    const env =
      typeof settings.env === 'object' && settings.env !== null ? Object.entries(settings.env).map(([name, value]) => [name, String(value)] as const) : []
    return { path, env: Object.fromEntries(env), hasApiKeyHelper: typeof settings.apiKeyHelper === 'string' }
  } catch {
    return { path, env: {}, hasApiKeyHelper: false, problem: 'is not valid JSON, so Claude Code ignores it' }
  }
}
