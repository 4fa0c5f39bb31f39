import { build } from 'esbuild'
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A worker under way. */
export interface TestWorker {
  readonly url: string
  readonly stop: () => Promise<void>
}

/** Bundles `worker-visit.ts` with `pg` and its sockets for workerd into a folder, and serves it. */
export async function startWorker(workerd: string, folder: string, databaseUrl: string): Promise<TestWorker> {
  const bundle = join(folder, 'worker-visit.mjs')
  await build({
    entryPoints: [fileURLToPath(new URL('worker-visit.ts', import.meta.url))],
    outfile: bundle,
    bundle: true,
    format: 'esm',
    target: 'es2024',
    platform: 'node',
    // The first is what makes `pg-cloudflare`, which `pg` takes its sockets from, more than an empty module.
    conditions: ['workerd', 'sluice-source'],
    external: ['node:*', 'cloudflare:*', 'pg-native'],
    // `pg` is CommonJS, and asks for modules of Node.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire('/');" },
    logLevel: 'silent',
  })
  const config = join(folder, 'workerd.capnp')
  writeFileSync(config, configOf(basename(bundle), databaseUrl))
  const child = spawn(workerd, ['serve', '--control-fd=1', config], { stdio: ['ignore', 'pipe', 'pipe'] })
  let complaints = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text))
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const port = await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`workerd ended with ${code} before it listened: ${complaints}`)))
    createInterface({ input: child.stdout }).on('line', (line) => {
      const said = JSON.parse(line) as { readonly port?: number }
      if (said.port !== undefined) resolve(said.port)
    })
  })
  return {
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      child.kill('SIGKILL')
      await exited
    },
  }
}

function configOf(bundle: string, databaseUrl: string): string {
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const main :Workerd.Worker = (
  modules = [(name = "main", esModule = embed "${bundle}")],
  compatibilityDate = "2026-11-01",
  compatibilityFlags = ["nodejs_compat"],
  bindings = [(name = "DATABASE_URL", text = "${databaseUrl}")],
);
`
}
