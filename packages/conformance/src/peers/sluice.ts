import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BudgetSetUp } from '../target.ts'
import { startChild } from './child-process.ts'
import type { Peer } from './peer.ts'
import { root, sluiceVersion } from './repository.ts'

const developerKey = 'sluice-conformance-developer-0123456789'
const adminToken = 'sluice-conformance-admin-0123456789'
const upstreamKey = 'sk-ant-conformance-upstream-0123456789'

/** A running gateway looks for new budgets every five seconds. */
const refreshMillis = 5_500

/** Sluice as a user starts it: the command line, with keys, an upstream key and a store in one file. */
export const sluice: Peer = {
  id: 'sluice',
  title: 'Sluice (Node, command line)',
  about: '`sluice start` with a key for a developer, an upstream key and SQLite.',
  start: async ({ upstreamUrl }) => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-peer-'))
    const child = startChild({
      program: process.execPath,
      args: [
        '--conditions=sluice-source',
        '--disable-warning=ExperimentalWarning',
        join(root, 'packages/cli/src/main.ts'),
        'start',
        '--port=0',
        '--json-log',
        `--upstream=${upstreamUrl}`,
        `--store=sqlite:${join(folder, 'sluice.db')}`,
      ],
      env: { SLUICE_KEYS: `conformance=${developerKey}`, SLUICE_UPSTREAM_KEY: upstreamKey, SLUICE_ADMIN_TOKEN: adminToken },
      cwd: folder,
    })
    const url = await child.said((line) => (line.startsWith('{"event":"listening"') ? (JSON.parse(line) as { readonly url: string }).url : undefined))
    return {
      name: sluice.title,
      version: sluiceVersion(),
      url,
      key: developerKey,
      upstreamKey,
      prepareBudget: () => capAKey(url),
      pid: child.pid,
      complaints: child.complaints,
      stop: async () => {
        await child.stop()
        rmSync(folder, { recursive: true, force: true })
      },
    }
  },
}

/** A key of its own with a cap a month, set over the admin API. */
async function capAKey(url: string): Promise<BudgetSetUp> {
  const capUsd = 0.1
  await administer(url, 'scopes', { path: 'conformance/budget', level: 'developer', parents: true })
  const issued = (await administer(url, 'keys', { scope: 'conformance/budget', name: 'capped' })) as { readonly key: string }
  await administer(url, 'budgets', {
    subject: { scope: 'conformance/budget' },
    amount: String(Math.round(capUsd * 1e9)),
    hardPercent: 100,
    window: { kind: 'month', timeZone: 'UTC' },
  })
  await sleep(refreshMillis)
  return { key: issued.key, capUsd }
}

async function administer(url: string, path: string, body: object): Promise<unknown> {
  const answer = await fetch(`${url}/admin/v1/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(`the admin API answered ${answer.status} to ${path}: ${await answer.text()}`)
  return answer.json()
}
