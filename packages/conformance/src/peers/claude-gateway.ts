import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BudgetSetUp } from '../target.ts'
import { freePort, startChild } from './child-process.ts'
import { deviceLogin } from './device-login.ts'
import { startOidcIssuer } from './oidc-issuer.ts'
import { NotHere, type Peer } from './peer.ts'
import { startPeerDatabase } from './postgres.ts'
import { installedFile } from './repository.ts'

const sessionSecret = 'a secret of this run alone, of no worth elsewhere'
const clientSecret = 'of no worth'
const adminKey = 'sluice-conformance-admin-0123456789abcdef'
const upstreamKey = 'sk-ant-conformance-upstream-0123456789'

/** The models that the suite and the benchmark ask for. */
const modelIds = ['claude-sonnet-4-5', 'claude-opus-5-5', 'claude-haiku-4-5']

/** The gateway that ships inside Claude Code's own executable. */
export const claudeGateway: Peer = {
  id: 'claude-gateway',
  title: 'claude gateway (Anthropic)',
  about:
    '`claude gateway` from the executable on npm, with PostgreSQL, an admin key, and oidc-provider as its OpenID issuer: tokens are those of a login by the device flow.',
  start: async (options) => {
    const { upstreamUrl } = options
    const program = installedFile(`@anthropic-ai/claude-code-${process.platform}-${process.arch}/claude`)
    if (program === undefined) throw new NotHere('@anthropic-ai/claude-code is not installed here')
    const folder = mkdtempSync(join(tmpdir(), 'sluice-claude-gateway-'))
    const database = await startPeerDatabase()
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const issuer = await startOidcIssuer({ id: 'conformance', secret: clientSecret, redirectUri: `${url}/oauth/callback` }, options)
    const config = join(folder, 'gateway.yaml')
    writeFileSync(config, configOf({ port, url, upstreamUrl, issuer: issuer.url, database: database.url }))
    const env = { HOME: folder, CLAUDE_GATEWAY_ALLOW_LOOPBACK: '1', CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1', DISABLE_AUTOUPDATER: '1' }
    const child = startChild({ program, args: ['gateway', '--config', config], env, cwd: folder })
    const stop = async (): Promise<void> => {
      await child.stop()
      await issuer.stop()
      await database.stop()
      rmSync(folder, { recursive: true, force: true })
    }
    let key: string
    try {
      await child.listensOn(port)
      key = await deviceLogin(url, 'conformance')
    } catch (error) {
      await stop()
      throw error
    }
    const version = spawnSync(program, ['--version'], { encoding: 'utf8', env: { ...env, PATH: process.env['PATH'] ?? '' } }).stdout.split(' ')[0]
    return {
      name: claudeGateway.title,
      version: version ?? 'unknown',
      url,
      key,
      authenticationHeader: 'authorization',
      upstreamKey,
      prepareBudget: () => capAUser(url),
      pid: child.pid,
      complaints: child.complaints,
      stop,
    }
  },
}

interface Settings {
  readonly port: number
  readonly url: string
  readonly upstreamUrl: string
  readonly issuer: string
  readonly database: string
}

/** JSON is YAML too. */
function configOf({ port, url, upstreamUrl, issuer, database }: Settings): string {
  return JSON.stringify({
    listen: { host: '127.0.0.1', port, public_url: url },
    upstreams: [{ provider: 'anthropic', base_url: upstreamUrl, auth: { api_key: upstreamKey } }],
    // By itself it sends the dated id of an alias; said so, the id that was asked for.
    models: modelIds.map((id) => ({ id, upstream_model: { anthropic: id } })),
    oidc: { issuer, client_id: 'conformance', client_secret: clientSecret },
    session: { jwt_secret: sessionSecret, ttl_hours: 12 },
    store: { postgres_url: `${database}?sslmode=disable`, max_connections: 10 },
    admin: { write_keys: [{ id: 'conformance', key: adminKey }] },
  })
}

/** A user of their own with a monthly cap. Amounts are in cents. */
async function capAUser(url: string): Promise<BudgetSetUp> {
  const subject = 'capped'
  const answer = await fetch(`${url}/v1/organizations/spend_limits`, {
    method: 'POST',
    headers: { 'x-api-key': adminKey, 'content-type': 'application/json' },
    body: JSON.stringify({ scope: { type: 'user', user_id: subject }, amount: '10', period: 'monthly' }),
  })
  if (!answer.ok) throw new Error(`the admin API answered ${answer.status}: ${await answer.text()}`)
  return { key: await deviceLogin(url, subject), capUsd: 0.1 }
}
