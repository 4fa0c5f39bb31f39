// Weighs core as an edge bundle gets it: minified and gzipped, no Node, no price table. `node tools/core-size.mjs [--all]` prints it with the modules by weight.
import { build } from 'esbuild'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** What is weighed, each with its limit: somewhat above what it is, so that growth is noticed and argued for. */
const measured = [
  {
    what: 'a gateway',
    mostKilobytes: 26,
    // Relay, metering, prices, proof, retries, failover and a record. The aim of the project is 25 KB for this.
    contents: "export { createGateway, swapCredential } from './index.ts'",
    // Whoever wants these brings them.
    without: [
      'attribution/',
      'budget/',
      'keys/',
      'rates/',
      'audit/',
      'policy/',
      'exchange/prompt-reader.ts',
      'meter/estimate.ts',
      'route/circuit.ts',
      'settle/upkeep.ts',
    ],
  },
  {
    what: 'a gateway with keys and attribution',
    mostKilobytes: 37,
    contents:
      "export { attribute, authenticate, createGateway, pricing, staticKeys, swapCredential, passthroughCredential, splitCredential } from './index.ts'",
    without: ['budget/', 'rates/', 'audit/', 'policy/', 'exchange/prompt-reader.ts', 'meter/estimate.ts'],
  },
  {
    what: 'a gateway with a policy, and zod, which reads policies',
    mostKilobytes: 59,
    contents: "export { createGateway, swapCredential } from './index.ts'; export { policyRouter } from './policy/index.ts'",
    without: ['rates/', 'attribution/'],
  },
  { what: 'all that core exports', mostKilobytes: 73, contents: "export * from './index.ts'", without: ['policy/'] },
]

const noPrices = {
  name: 'no-prices',
  setup: (plugin) =>
    plugin.onLoad({ filter: /price-table\.ts$/ }, () => ({
      contents: 'export const anthropicPrices = { models: [] }; export const usdPerMillion = () => ({})',
      loader: 'js',
    })),
}

async function bundled(contents) {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: join(root, 'packages/core/src'), loader: 'ts' },
    absWorkingDir: join(root, 'packages/core/src'),
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2023',
    write: false,
    metafile: true,
    plugins: [noPrices],
  })
  const [{ inputs }] = Object.values(metafile.outputs)
  const weights = new Map()
  for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
    // A dependency counts as one.
    const name = path.replace(/^.*node_modules\/([^/]+)\/.*$/, '$1')
    if (bytesInOutput > 0) weights.set(name, (weights.get(name) ?? 0) + bytesInOutput)
  }
  const modules = [...weights].map(([name, bytes]) => ({ name, bytes })).sort((left, right) => right.bytes - left.bytes)
  return { gzipped: gzipSync(outputFiles[0].contents, { level: 9 }).length, modules }
}

/** The sizes, as lines to print, and what is wrong with them. `most` modules of each are listed. */
export async function coreSizes(most) {
  const lines = []
  const problems = []
  for (const { what, mostKilobytes, contents, without } of measured) {
    const { gzipped, modules } = await bundled(contents)
    lines.push(`core, minified and gzipped, without the price table: ${(gzipped / 1024).toFixed(1)} KB for ${what} (at most ${mostKilobytes})`)
    for (const { name, bytes } of modules.slice(0, most)) lines.push(`${String(bytes).padStart(8)} bytes minified  ${name}`)
    if (gzipped > mostKilobytes * 1024) problems.push(`${what} is over ${mostKilobytes} KB`)
    for (const { name } of modules) if (without.some((start) => name.startsWith(start))) problems.push(`${what} bundles ${name}, which it does not use`)
  }
  return { lines, problems }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { lines, problems } = await coreSizes(process.argv.includes('--all') ? Infinity : 12)
  console.log([...lines, ...problems.map((problem) => `FAILED core: ${problem}`)].join('\n'))
  process.exitCode = problems.length === 0 ? 0 : 1
}
