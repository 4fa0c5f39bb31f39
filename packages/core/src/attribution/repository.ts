import type { Attributed, RequestKind } from '../entry/attribution.ts'
import type { RequestBody } from '../exchange/request-body.ts'
import { headerValue, type HeaderList } from '../wire/header-list.ts'
import { isRepositoryName, toDeclaredRepository, toRepositoryLabel } from './labels.ts'
import { mainCheckoutOf } from './main-checkout.ts'
import type { RememberedSession, SessionMemory } from './session-memory.ts'
import { memoryDirectoryOf, restatedWorkingDirectoryOf, workingDirectoryOf } from './working-directory.ts'

/** How a path becomes a label. Undefined means that it has none. */
export type RepositoryFromPath = (path: string) => string | undefined

/** The calls of a session that state where it works; the rest of its calls inherit. */
const statingKinds: ReadonlySet<RequestKind> = new Set(['main', 'sub-agent', 'compaction', 'auxiliary'])
/** Calls that may come before anything of their session has said where it works. */
const sideKinds: ReadonlySet<RequestKind> = new Set(['title', 'classifier', 'probe', 'compaction', 'web-search', 'hook', 'count-tokens', 'auxiliary'])

export function isSideCall(kind: RequestKind): boolean {
  return sideKinds.has(kind)
}

/** What the client's configuration declares: the header, or a tag named `repository`. */
export function declaredRepository(headers: HeaderList, headerName: string, tags: Readonly<Record<string, string>>): Attributed | undefined {
  const declared = headerValue(headers, headerName) ?? tags['repository']
  const label = declared === undefined ? undefined : toDeclaredRepository(declared)
  return label === undefined ? undefined : { value: label, source: 'header' }
}

/**
 * The repository as the request's own paths tell it, with the session's memory as the last resort; brings that memory up to date.
 * A session that moves into a subdirectory stays with its repository.
 */
export function repositoryFromBody(
  kind: RequestKind,
  body: RequestBody,
  memory: SessionMemory,
  memoryKey: string | undefined,
  fromPath: RepositoryFromPath,
): Attributed | undefined {
  const remembered = memoryKey === undefined ? undefined : memory.recall(memoryKey)
  const inherited = remembered?.label === undefined ? undefined : ({ value: remembered.label, source: 'session' } as const)
  if (!statingKinds.has(kind)) return inherited
  const root = gitRootOf(body)
  const directory = root ?? workingDirectoryOf(body) ?? (inherited === undefined ? restatedWorkingDirectoryOf(body) : undefined)
  if (directory !== undefined && root === undefined && inherited !== undefined && isWithin(directory, remembered?.path)) {
    return { value: inherited.value, source: 'working-directory' }
  }
  const path = root ?? (directory && mainCheckoutOf(directory, memoryDirectoryOf(body)))
  const label = path === undefined ? undefined : checkedLabel(path, fromPath)
  if (memoryKey !== undefined) learn(memory, memoryKey, kind, remembered, label === undefined ? undefined : { label, path })
  return label === undefined ? inherited : { value: label, source: root === undefined ? 'working-directory' : 'git-root' }
}

/** The main conversation decides; a sub-agent only where nothing is known. That a session spoke without a usable path is kept too: nobody waits for it then. */
function learn(memory: SessionMemory, key: string, kind: RequestKind, known: RememberedSession | undefined, told: RememberedSession | undefined): void {
  if (told !== undefined && (known?.label === undefined || kind !== 'sub-agent')) memory.remember(key, told)
  else if (known === undefined && (kind === 'main' || kind === 'sub-agent')) memory.remember(key, { label: undefined, path: undefined })
}

function checkedLabel(path: string, fromPath: RepositoryFromPath): string | undefined {
  const label = fromPath(path)
  if (typeof label !== 'string' || fromPath === toRepositoryLabel) return label
  return label.split('/').every(isRepositoryName) ? toDeclaredRepository(label) : undefined
}

function isWithin(path: string, base: string | undefined): boolean {
  return base !== undefined && path.startsWith(base) && (path.length === base.length || path[base.length] === '/' || path[base.length] === '\\')
}

const maxSafeguardsBytes = 32 * 1024
const maxPathLength = 4096

/** `safeguards[].classifier_context.git_state.root`, which auto mode sends: the repository's root, wherever in it the client works. */
function gitRootOf(body: RequestBody): string | undefined {
  const safeguards = body.value('safeguards', maxSafeguardsBytes)
  if (!Array.isArray(safeguards)) return undefined
  for (const safeguard of safeguards as readonly unknown[]) {
    const root = field(field(field(safeguard, 'classifier_context'), 'git_state'), 'root')
    if (typeof root === 'string' && root !== '' && root.length <= maxPathLength) return root
  }
  return undefined
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined
}
