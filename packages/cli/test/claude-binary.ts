import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** The real Claude Code, pinned as a development dependency; undefined on platforms that it is not packaged for. */
export const claudeBinary: string | undefined = find()
if (claudeBinary === undefined) console.log('skipped: the Claude Code executable (@anthropic-ai/claude-code-linux-x64) is not installed here')

function find(): string | undefined {
  try {
    const file = join(dirname(createRequire(import.meta.url).resolve('@anthropic-ai/claude-code-linux-x64/package.json')), 'claude')
    return existsSync(file) ? file : undefined
  } catch {
    return undefined
  }
}
