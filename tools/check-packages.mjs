// Checks every package as its users will get it: packed, with the manifest that is published. Run by `npm run check`, after the build.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { coreSizes } from './core-size.mjs'

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

const { lines, problems } = await coreSizes(12)
for (const line of lines) console.log(line)
for (const problem of problems) {
  failures += 1
  console.log(`FAILED core: ${problem}`)
}
const { dependencies = {} } = JSON.parse(readFileSync(join(root, 'packages/core/package.json'), 'utf8'))
const names = Object.keys(dependencies)
console.log(`core's runtime dependencies: ${names.join(', ') || 'none'}`)
if (names.length > 3) {
  failures += 1
  console.log('FAILED core: it has more than three runtime dependencies')
}
process.exit(failures === 0 ? 0 : 1)
