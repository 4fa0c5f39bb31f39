/**
 * The privacy filter: what may become a label in records and reports, and what never does.
 * When in doubt it drops; an unknown repository is a gap in a report, a kept secret is an incident.
 */

/** Longest label that is kept. */
export const maxLabelLength = 64

const labelGrammar = /^[\p{L}\p{N}_.][\p{L}\p{N}_.+-]*(?: [\p{L}\p{N}_.+-]+){0,3}$/u
const declaredGrammar = /^[\p{L}\p{N}_][\p{L}\p{N}_.+@:/-]*(?: [\p{L}\p{N}_.+@:/-]+){0,3}$/u

const uuid = /[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}/i
const hexId = /^(?=.*\d)(?=.*[a-f])[0-9a-f]{7,}$/i

/** Prefixes that no innocent name has. */
const surePrefixes =
  /(?:^|[^A-Za-z0-9])(?:sk-ant-|sk-proj-|gh[opusr]_|github_pat_|glpat-|xox[a-z]-|xapp-|ya29\.|eyJ[A-Za-z0-9]|(?:AKIA|ASIA|AIza)[A-Za-z0-9]{8}|[sprw]k_(?:live|test)_|whsec_|shpat_|dop_v1_)/
/** Prefixes that count only before something long with digits in it. */
const likelyPrefixes = /(?:^|[^A-Za-z0-9])(?:sk-|key-|npm_|pypi-|hf_|SG\.|r8_|tok_)(?=[\w.-]*\d)[\w.-]{10,}/

/** True for what looks like a credential or a random id: a known prefix, a UUID, a hash, or a run of letters and digits too mixed for a name. */
export function isSecretShaped(text: string): boolean {
  if (uuid.test(text) || hexId.test(text) || surePrefixes.test(text) || likelyPrefixes.test(text)) return true
  return text.split(/[^A-Za-z0-9]+/).some(isRandomRun)
}

/** Names change between lower case, upper case and digits seldom; random text does so at every second character. */
function isRandomRun(run: string): boolean {
  if (run.length < 12) return false
  if (run.length > 40 || /^\d+$/.test(run) || (hexId.test(run) && run.length >= 12)) return true
  let changes = 0
  let digits = 0
  for (let index = 0; index < run.length; index += 1) {
    const here = classOf(run.charCodeAt(index))
    if (here === 0) digits += 1
    if (index > 0 && here !== classOf(run.charCodeAt(index - 1))) changes += 1
  }
  return changes / run.length > 0.4 || (digits >= 3 && changes >= 5)
}

function classOf(code: number): 0 | 1 | 2 {
  if (code <= 0x39) return 0
  return code <= 0x5a ? 1 : 2
}

/** A label that the client's configuration declares: trusted to be a name, but never a secret. Undefined where it must not be kept. */
export function toDeclaredLabel(text: string): string | undefined {
  const label = text.trim()
  return label.length <= maxLabelLength && declaredGrammar.test(label) && !isSecretShaped(label) ? label : undefined
}

/** A declared repository: `payments-api`, `acme/payments-api`, or a clone URL, of which owner and name are kept. */
export function toDeclaredRepository(text: string): string | undefined {
  const trimmed = text.trim()
  if (trimmed.length > 512) return undefined
  const ofUrl = /^(?:[a-z+]+:\/\/(?:[^/@]*@)?[^/@]+\/|[\w.-]+@[\w.-]+:)(.+)$/i.exec(trimmed)?.[1]
  const segments = (ofUrl ?? trimmed)
    .replace(/\/+$/, '')
    .replace(/\.git$/, '')
    .split('/')
  const label = (ofUrl === undefined ? segments : segments.slice(-2)).join('/')
  return segments.every((segment) => /^[\w.-]+$/.test(segment) && segment.length <= maxLabelLength) && segments.length <= 5 ? toDeclaredLabel(label) : undefined
}

/** Ticket ids: PAY-123 anywhere, pay-123 or a bare number alone. */
const ticket = /(?:^|[^A-Za-z0-9])[A-Z][A-Z0-9]{1,9}-\d{1,7}(?![A-Za-z0-9])|^[a-z]{2,5}-\d{2,7}$|^#?\d+$/
const topLevelDomain =
  /\.(?:com|net|org|io|dev|app|ai|co|cloud|internal|local|localhost|localdomain|corp|lan|intra|home|arpa|test|example|invalid|gov|edu|mil|eu|uk|de|fr)$/i
const manyDots = /^[a-z0-9-]+(?:\.[a-z0-9-]+)+\.[a-z]{2,}$/i
const machineName = /^(?:ip(?:-\d{1,3}){4}|(?:desktop|laptop)-[a-z0-9]{7}|i-[0-9a-f]{8,}|(?:\d{1,3}\.){3}\d{1,3})$/i

/** Directories that hold repositories, or stand in for one in every container: no label, or all of them would be one repository. */
const genericNames: ReadonlySet<string> = new Set(
  (
    'app apps build builds checkout checkouts clones code containers desktop dev development documents downloads dropbox git github gitlab go home ' +
    'icloud mnt opt private project projects repo repos repositories root runner scratch source sources src srv temp tmp user users usr var volumes ' +
    'work workdir workspace workspaces worktree worktrees'
  ).split(' '),
)

/** True for a directory name that may stand for a repository. */
export function isRepositoryName(name: string): boolean {
  if (name.length > maxLabelLength || !labelGrammar.test(name) || genericNames.has(name.toLowerCase())) return false
  if (/^\.(?:claude|git|config|cache|local|tmp|worktrees)$|^\.+$/.test(name)) return false
  return !ticket.test(name) && !topLevelDomain.test(name) && !manyDots.test(name) && !machineName.test(name) && !isSecretShaped(name)
}

const worktreeSuffix = /[\\/]\.(?:claude[\\/])?worktrees(?:[\\/].*)?$/s
const homes = /^(?:\/home|\/Users|\/var\/home|\/export\/home|[A-Za-z]:[\\/]Users|\/mnt\/[a-z]\/Users|\/[a-z]\/Users)[\\/][^\\/]+|^\/root(?=\/|$)/

/** How many directories up a name is looked for. */
const maxLevels = 3

/**
 * The short label of a working directory: its last segment that looks like a name. A Claude Code worktree counts as its repository.
 * The home directory's owner is a person, not a repository, and is never used. Undefined where nothing is fit to keep.
 */
export function toRepositoryLabel(path: string): string | undefined {
  const root = path.replace(worktreeSuffix, '')
  const isWindows = /^[A-Za-z]:[\\/]|^\\\\/.test(root)
  const home = homes.exec(root)?.[0] ?? ''
  const segments = root
    .slice(home.length)
    .split(isWindows ? /[\\/]+/ : /\/+/)
    .filter((segment) => segment !== '')
  if (home === '' && isWindows) segments.shift()
  return segments.slice(-maxLevels).findLast(isRepositoryName)
}
