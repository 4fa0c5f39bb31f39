// Checks every package as its users will get it: packed, with the manifest that is published. Run by `npm run check`, after the build.
import { build } from 'esbuild'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const pnpm = ['--yes', 'pnpm@12.21.0']
const packed = mkdtempSync(join(tmpdir(), 'sluice-packages-'))
let failures = 0

function check(what, program, args, cwd = root) {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8' })
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${what}`)
  if (status === 0) return
  failures += 1
  console.log(stdout, stderr)
}

for (const name of readdirSync(join(root, 'packages'))) {
  const folder = join(root, 'packages', name)
  const { status, stderr } = spawnSync('npx', [...pnpm, 'pack', '--pack-destination', packed], { cwd: folder, encoding: 'utf8' })
  if (status !== 0) throw new Error(`pnpm pack failed in ${folder}: ${stderr}`)
  const tarball = join(packed, readdirSync(packed).find((file) => file.startsWith(`sluice-${name}-`)) ?? '')
  check(`${name}: publint`, process.execPath, [join(root, 'node_modules/publint/src/cli.js'), tarball, '--strict'])
  check(`${name}: are the types right`, process.execPath, [join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js'), tarball, '--profile', 'esm-only'])
  const files = spawnSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).stdout
  const manifest = JSON.parse(spawnSync('tar', ['-xzOf', tarball, 'package/package.json'], { encoding: 'utf8' }).stdout)
  // pnpm puts the LICENSE of the workspace into each package.
  for (const file of manifest.files.map((entry) => `package/${entry}`))
    if (!files.split('\n').some((path) => path === file || path.startsWith(`${file}/`))) {
      failures += 1
      console.log(`FAILED ${name}: the tarball lacks ${file}`)
    }
  for (const field of ['description', 'keywords', 'license', 'engines'])
    if (manifest[field] === undefined) {
      failures += 1
      console.log(`FAILED ${name}: its manifest has no ${field}`)
    }
  if (/\.test\.|\/test\/|fixtures/.test(files)) {
    failures += 1
    console.log(`FAILED ${name}: the tarball holds test files\n${files}`)
  }
}
rmSync(packed, { recursive: true })

/** Core as an edge bundle gets it: no Node, no price table. */
const prices = {
  name: 'no-prices',
  setup: (plugin) =>
    plugin.onLoad({ filter: /price-table\.ts$/ }, () => ({
      contents: 'export const anthropicPrices = { models: [] }; export const usdPerMillion = () => ({})',
      loader: 'js',
    })),
}
/** What the exchange takes: a gateway with keys, attribution, metering, prices and a record. Budgets, limits, virtual keys and audit cost those who use them. */
const exchange =
  "export { attribute, authenticate, createGateway, pricing, staticKeys, swapCredential, passthroughCredential, splitCredential } from './index.ts'"
const bundle = async (contents, plugins) => {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: join(root, 'packages/core/src'), loader: 'ts' },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2023',
    write: false,
    plugins,
  })
  return gzipSync(outputFiles[0].contents, { level: 9 }).length
}
const everything = "export * from './index.ts'"
const [bare, whole] = [await bundle(exchange, [prices]), await bundle(everything, [prices])]
const { dependencies = {} } = JSON.parse(readFileSync(join(root, 'packages/core/package.json'), 'utf8'))
console.log(
  `core, minified and gzipped, without the price table: ${(bare / 1024).toFixed(1)} KB for a gateway, ${(whole / 1024).toFixed(1)} KB with all that it exports; ${Object.keys(dependencies).length} runtime dependencies`,
)
// The aim is 25 KB; bounds on hostile input, the journal and estimates took some more. It must not go on growing.
for (const [what, size, most] of [
  ['a gateway', bare, 44],
  ['all of core', whole, 72],
])
  if (size > most * 1024) {
    failures += 1
    console.log(`FAILED core: ${what} is over ${most} KB without the price table`)
  }
process.exit(failures === 0 ? 0 : 1)
