import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { recordsOf } from './json.ts'
import type { GatewayTarget, RecordedExchange } from './gateway-target.ts'

const KEY = 'a-key-for-the-matrix-0123456789'
const ADMIN_TOKEN = 'an-admin-token-for-the-matrix-0123456789'

/** The folder of the Sluice command, in this repository or installed beside the suite. */
function commandFolder(): string {
  const beside = join(import.meta.dirname, '..', '..', '..', 'cli')
  return existsSync(join(beside, 'bin', 'sluice.mjs')) ? beside : dirname(createRequire(import.meta.url).resolve('@sluice/cli/package.json'))
}

/**
 * Starts Sluice as its users do, by its command, with everything in memory: keys, metering, ledger, and a budget that is spent.
 *
 * @throws Error when it does not come to listen, or cannot be set up
 */
export async function startSluice(upstreamUrl: string): Promise<GatewayTarget> {
  const folder = commandFolder()
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { readonly version: string }
  const flags = ['--port', '0', '--store', 'memory', '--upstream', upstreamUrl, '--digest', 'sha256', '--json-log']
  const child = spawn(process.execPath, [join(folder, 'bin', 'sluice.mjs'), 'start', ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      HOME: '/nonexistent',
      SLUICE_KEYS: `matrix=${KEY}`,
      SLUICE_ADMIN_TOKEN: ADMIN_TOKEN,
      SLUICE_UPSTREAM_KEY: 'sk-ant-upstream',
      SLUICE_KEY_PEPPER: 'a-pepper-for-the-matrix-long-enough-for-one',
    },
  })
  let output = ''
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
  const url = await new Promise<string>((resolve, reject) => {
    const look = (chunk: Buffer): void => {
      output = `${output}${chunk.toString()}`.slice(-10_000)
      const found = /"event":"listening".*?"url":"([^"]+)"/.exec(output)?.[1]
      if (found !== undefined) resolve(found)
    }
    child.stdout.on('data', look)
    child.stderr.on('data', look)
    child.on('error', reject)
    void ended.then(() => reject(new Error(`sluice start ended: ${output}`)))
  })
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await ended
  }
  try {
    return { name: 'Sluice', version, url, key: KEY, spentKey: await spentKey(url), recorded: (session) => recorded(url, session), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function admin(url: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(`${url}/admin/v1${path}`, {
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  })
  const answer: unknown = await response.json()
  if (!response.ok) throw new Error(`${path} was answered ${response.status}: ${JSON.stringify(answer)}`)
  return answer
}

/** A key of a developer whose budget is too small for any call. */
async function spentKey(url: string): Promise<string> {
  await admin(url, '/scopes', { path: 'acme/web/ada', level: 'developer', parents: true })
  await admin(url, '/budgets', {
    subject: { scope: 'acme/web/ada' },
    unit: 'nano-usd',
    amount: '1000',
    window: { kind: 'day', timeZone: 'UTC' },
    hardPercent: 100,
  })
  const issued = (await admin(url, '/keys', { scope: 'acme/web/ada' })) as { readonly key: string }
  return issued.key
}

async function recorded(url: string, session: string): Promise<readonly RecordedExchange[]> {
  const answer = await admin(url, `/exchanges?session=${session}&limit=1000`)
  const list = Array.isArray(answer) ? answer : (answer as { readonly exchanges: unknown }).exchanges
  return recordsOf(list).map((exchange) => ({
    path: String(exchange['path']),
    outcome: String(exchange['outcome']),
    attempts: recordsOf(exchange['attempts']).length,
    costNanoUsd: BigInt(String(exchange['costNanoUsd'])),
    isUnchanged: exchange['requestDigest'] === exchange['upstreamRequestDigest'] && exchange['upstreamResponseDigest'] === exchange['responseDigest'],
  }))
}
