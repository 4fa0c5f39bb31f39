import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { CASES, GATEWAY_PROTOCOL_VERSION } from '../src/index.ts'

/** The document as it was when the cases were taken from it. */
const READ = { sha256: 'c16ef60ba277f9b1d5b6c11dc890a023d8e53027e216f4a10d41d9c4a7882b48', sections: 17 }

/** The folder of the client, where it is installed: an optional dependency. */
function clientFolder(): string | undefined {
  try {
    return dirname(createRequire(import.meta.url).resolve(`@anthropic-ai/claude-code-${process.platform}-${process.arch}/package.json`))
  } catch {
    return undefined
  }
}

/** What `claude gateway` serves at `GET /protocol`: it is in the executable as one template, and serving it needs a database and an identity provider. */
function protocolDocument(executable: Buffer): string {
  const from = executable.indexOf('# Claude Code gateway protocol')
  const text = executable.subarray(from, from + 100_000).toString('latin1')
  const end = /(?<!\\)`/.exec(text)?.index ?? 0
  return text.slice(0, end).replaceAll('\\n', '\n').replaceAll('\\`', '`')
}

const folder = clientFolder()

test.skipIf(folder === undefined)('the cases of the gateway protocol were read in the version that is installed, and cite sections that it has', () => {
  const { version } = JSON.parse(readFileSync(join(folder ?? '', 'package.json'), 'utf8')) as { readonly version: string }
  const document = protocolDocument(readFileSync(join(folder ?? '', 'claude')))
  const sections = [...document.matchAll(/^## (.+?)(?: \\u2014.*)?$/gm)].map(([, name]) => name ?? '')
  expect(version).toBe(GATEWAY_PROTOCOL_VERSION)
  // Another digest: read what has changed, and then the cases.
  expect([createHash('sha256').update(document).digest('hex'), sections.length]).toEqual([READ.sha256, READ.sections])
  const cited = new Set(
    CASES.flatMap(({ source }) => [...source.matchAll(/Claude gateway protocol [\d.]+ §([A-Za-z -]+)/g)].map(([, name]) => (name ?? '').trim())),
  )
  expect([...cited].filter((name) => !sections.some((each) => each.startsWith(name)))).toEqual([])
})
