import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const packages = readdirSync(join(root, 'packages'))

interface Source {
  /** Relative to the repository. */
  readonly path: string
  readonly text: string
  readonly lines: number
  readonly imports: readonly string[]
}

function sourcesOf(packageName: string): readonly Source[] {
  const folder = join(root, 'packages', packageName, 'src')
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
    .map((path) => {
      const text = readFileSync(join(folder, path), 'utf8')
      const imports = [...text.matchAll(/(?:^|\n)(?:import|export)[^'\n]*?(?:\n[^'\n]*)*?from '([^']+)'|import\('([^']+)'\)/g)].map(
        (match) => (match[1] ?? match[2]) as string,
      )
      return { path: join('packages', packageName, 'src', path), text, lines: text.split('\n').length, imports }
    })
}

const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*$/gm, '')
const all = packages.flatMap((name) => sourcesOf(name))

/** Where a file may import from: its own place or any later one. Read the list top to bottom and you follow a request to the ledger. */
const coreOrder = [
  'index',
  'testing',
  'gateway',
  'run-exchange',
  'settle',
  'policy',
  'middleware',
  'budget',
  'rates',
  'keys',
  'audit',
  'attribution',
  'local-routes',
  'route',
  'exchange',
  'relay',
  'ledger',
  'ports',
  'entry',
  'meter',
  'wire',
  'retry-queue',
  'secret',
  'host',
  'errors',
]

describe('the architecture', () => {
  it('core imports only downwards', () => {
    const place = (path: string): string => (relative('packages/core/src', path).split('/')[0] as string).replace(/\.ts$/, '')
    const upward = sourcesOf('core').flatMap(({ path, imports }) =>
      imports
        .filter((target) => target.startsWith('.'))
        .map((target) => relative(root, resolve(root, dirname(path), target)))
        .filter((target) => coreOrder.indexOf(place(target)) < coreOrder.indexOf(place(path)))
        .map((target) => `${path} -> ${target}`),
    )
    expect(sourcesOf('core').filter(({ path }) => !coreOrder.includes(place(path)))).toEqual([])
    expect(upward).toEqual([])
  })

  it.each(['core', 'storage-memory', 'storage-pg', 'admin', 'upstreams'])('%s names no runtime', (name) => {
    const runtime = /from 'node:|from 'cloudflare:|\bBuffer\b|\bprocess\.|\bBun\.|\bDeno\./
    expect(
      sourcesOf(name)
        .filter(({ text }) => runtime.test(withoutComments(text)))
        .map(({ path }) => path),
    ).toEqual([])
  })

  it('adapters-fetch imports nothing of Node statically', () => {
    expect(
      sourcesOf('adapters-fetch')
        .filter(({ text }) => /from 'node:/.test(text))
        .map(({ path }) => path),
    ).toEqual([])
  })

  it('packages meet at their index, never inside', () => {
    const deep = all.flatMap(({ path, imports }) =>
      imports
        .filter((target) => /^@sluice\/[\w-]+\/(?!(?:testing|ledger|policy)$)/.test(target) || /\.\.\/\.\.\/(?:packages|core|adapters)/.test(target))
        .map((target) => `${path} -> ${target}`),
    )
    expect(deep).toEqual([])
  })

  it('files are short: nine in ten up to 250 lines, none over 400', () => {
    const lengths = all.map(({ lines }) => lines).toSorted((left, right) => left - right)
    expect(all.filter(({ lines }) => lines > 400).map(({ path }) => path)).toEqual([])
    expect(lengths[Math.floor(lengths.length * 0.9)]).toBeLessThanOrEqual(250)
  })

  it('no package evaluates text, and only `sluice run` starts a process, and what drives real gateways and clients in a clone', () => {
    const code = all.map(({ path, text }) => ({ path, text: withoutComments(text) }))
    expect(code.filter(({ text }) => /\beval\(|new Function\(|node:vm|node:repl/.test(text)).map(({ path }) => path)).toEqual([])
    const published = code.filter(({ path }) => !/^packages\/conformance\/src\/(?:peers|matrix)\//.test(path))
    expect(published.filter(({ text }) => /child_process/.test(text)).map(({ path }) => path)).toEqual(['packages/cli/src/commands/run.ts'])
  })

  it('core has at most three runtime dependencies, and nothing published runs a script at install', () => {
    for (const name of packages) {
      const manifest = JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8')) as {
        dependencies?: object
        scripts?: Record<string, string>
      }
      expect(Object.keys(manifest.scripts ?? {}).filter((script) => /install|prepare/.test(script))).toEqual([])
      if (name === 'core') expect(Object.keys(manifest.dependencies ?? {}).length).toBeLessThanOrEqual(3)
    }
  })

  it('the lockfile names no host', () => {
    expect(readFileSync(join(root, 'pnpm-lock.yaml'), 'utf8')).not.toMatch(/https?:\/\//)
  })
})
