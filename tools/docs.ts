/**
 * Keeps the documentation true to the code: quotes example files into it. `node tools/docs.ts` writes what `docs.test.ts` checks.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

export const root: string = fileURLToPath(new URL('../', import.meta.url))

/** A page of Markdown. */
export interface Page {
  /** Relative to the repository. */
  readonly path: string
  readonly text: string
}

/** The pages whose code blocks are quoted from files. */
export function readPages(): readonly Page[] {
  const ofRoot = readdirSync(root).filter((name) => name.endsWith('.md'))
  const ofDocs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name))
  return [...ofRoot, ...ofDocs].map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
}

/** The README of each package that has one. */
export function readPackagePages(): readonly Page[] {
  return readdirSync(join(root, 'packages')).flatMap((name) => {
    const path = join('packages', name, 'README.md')
    try {
      return [{ path, text: readFileSync(join(root, path), 'utf8') }]
    } catch {
      return []
    }
  })
}

const typeScriptBlock = /```ts\n(?:\/\/ (examples\/[\w./-]+)\n)?[\s\S]*?```/g

/** The page with each TypeScript block as its file is. A block begins with the file's name, `// examples/NAME/FILE.ts`; only a package's README has others too. */
export function withQuotedFiles({ path, text }: Page): string {
  return text.replace(typeScriptBlock, (block, file: string | undefined) => {
    if (file === undefined && path.startsWith('packages/')) return block
    if (file === undefined) throw new Error(`${path}: a TypeScript block has no first line "// examples/NAME/FILE.ts"`)
    return `\`\`\`ts\n// ${file}\n${readFileSync(join(root, file), 'utf8')}\`\`\``
  })
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const page of [...readPages(), ...readPackagePages()]) {
    const quoted = withQuotedFiles(page)
    if (quoted !== page.text) writeFileSync(join(root, page.path), quoted)
  }
}
