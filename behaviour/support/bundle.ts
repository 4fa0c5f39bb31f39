import { build, type Platform } from 'esbuild'
import { join } from 'node:path'
import { root } from './repository.ts'

/** Bundles a fixture from the sources into the cache, for runtimes that do not read the workspace. Returns the file. */
export async function bundleFixture(name: string, platform: Platform): Promise<string> {
  const outfile = join(root, 'node_modules/.cache/sluice-behaviour', `${name}.mjs`)
  const { metafile } = await build({
    entryPoints: [join(root, 'behaviour/fixtures', `${name}.ts`)],
    outfile,
    bundle: true,
    format: 'esm',
    target: 'es2024',
    platform,
    conditions: ['sluice-source'],
    external: ['node:*'],
    // For what is bundled of CommonJS.
    ...(platform === 'node' && { banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)" } }),
    metafile: true,
    logLevel: 'silent',
  })
  const needed = Object.values(metafile.outputs).flatMap(({ imports }) => imports.map(({ path }) => path))
  if (platform === 'neutral' && needed.length > 0) throw new Error(`the bundle for ${name} still imports ${needed.join(', ')}`)
  return outfile
}
