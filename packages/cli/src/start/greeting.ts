import { hostname } from 'node:os'
import type { StaticKey } from '@sluice/core'
import type { Terminal } from '../terminal.ts'
import type { StartPlan } from './plan.ts'

/** What the greeting speaks of. */
export interface GreetingParts {
  readonly plan: StartPlan
  readonly url: string
  /** The key that was made for this run: shown here, once, and nowhere else. */
  readonly generated: StaticKey | undefined
  readonly rehearsalUrl: string | undefined
  readonly hasAdminToken: boolean
  /** Where everything is kept, and what the operator should know of it. */
  readonly store: readonly string[]
}

/** What to copy and paste in another terminal. */
export function greeting(parts: GreetingParts, { style }: Pick<Terminal, 'style'>): readonly string[] {
  const { url, plan, hasAdminToken } = parts
  const commands = [`export ANTHROPIC_BASE_URL=${reachableUrl(url)}`, ...credentialLines(parts), 'claude']
  return [
    '',
    ...explanation(parts),
    ...parts.store,
    '',
    plan.access.kind === 'own-credential' ? 'In another terminal, where ANTHROPIC_API_KEY is set or Claude Code is signed in:' : 'In another terminal:',
    '',
    ...commands.map((command) => `  ${style('cyan', command)}`),
    '',
    'What it cost, by session, developer and repository:',
    '',
    `  ${style('cyan', `npm run sluice -- report --url ${localUrl(url)} --group-by session,developer,repository${hasAdminToken ? ' --admin-token "$SLUICE_ADMIN_TOKEN"' : ''}`)}`,
    '',
    plan.upstream.kind === 'rehearsal'
      ? style('dim', 'A prompt that holds [[rehearse NAME]] plays a scenario; npm run sluice -- rehearse --list names them.')
      : style('dim', 'To try it with no key and no spend: npm start -- --rehearse'),
    '',
  ]
}

function explanation({ plan, rehearsalUrl, generated }: GreetingParts): readonly string[] {
  const { upstream, access } = plan
  if (upstream.kind === 'rehearsal') return [`Requests go to a rehearsal upstream at ${rehearsalUrl}: scripted answers, no key, no spend.`]
  const target = upstream.kind === 'url' ? upstream.baseUrl : upstream.upstreams.map(({ baseUrl }) => baseUrl).join(', ')
  const to = `Requests go to ${target}`
  switch (access.kind) {
    case 'keys': {
      const names = [...new Set(access.keys.map(({ developer }) => developer))]
      const who = `The keys of ${names.slice(0, 5).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''} are let in.`
      return plan.credential === 'split' ? [`${to} with each client's own credential: no upstream key is set.`, who] : [`${to} with the gateway's key.`, who]
    }
    case 'issued':
      return [
        plan.credential === 'split' ? `${to} with each client's own credential: no upstream key is set.` : `${to} with the gateway's key.`,
        'Holders of issued keys are let in: sluice keys create --scope PATH',
      ]
    case 'generated':
      return [
        `${to} with the gateway's key.`,
        `No keys are configured, so one was made for this run; what it spends is booked to ${generated?.developer ?? 'local'}.`,
        'It is shown this once. To keep keys: --key DEVELOPER=SECRET or SLUICE_KEYS.',
      ]
    case 'own-credential':
      return [
        `No upstream key is set: clients' own credentials pass through. ${to}.`,
        'To hold the key here: SLUICE_UPSTREAM_KEY. To try Sluice with no key and no spend: --rehearse.',
      ]
    default:
      return [`${to} with the gateway's key, from anybody on this machine (--no-auth).`]
  }
}

/** Without comments: not every shell takes them at its prompt. */
function credentialLines({ plan, generated }: GreetingParts): readonly string[] {
  const { access, credential, upstream } = plan
  switch (access.kind) {
    case 'generated':
      return [`export ANTHROPIC_AUTH_TOKEN=${generated?.secret ?? ''}`]
    case 'open':
      // Claude Code wants some credential; nobody checks this one.
      return [`export ANTHROPIC_AUTH_TOKEN=${upstream.kind === 'rehearsal' ? 'rehearsal' : 'no-key-needed'}`]
    case 'own-credential':
      return []
    default:
      return [credential === 'split' ? 'export ANTHROPIC_CUSTOM_HEADERS="x-sluice-key: YOUR_KEY"' : 'export ANTHROPIC_AUTH_TOKEN=YOUR_KEY']
  }
}

/** An address that other machines can use, for a gateway that listens on all of them. */
function reachableUrl(url: string): string {
  const parsed = new URL(url)
  if (/^(?:0\.0\.0\.0|\[::\])$/.test(parsed.hostname)) parsed.hostname = hostname()
  return parsed.origin
}

function localUrl(url: string): string {
  const parsed = new URL(url)
  if (/^(?:0\.0\.0\.0|\[::\])$/.test(parsed.hostname)) parsed.hostname = '127.0.0.1'
  return parsed.origin
}
