import { attributeRequest, type DeclaringHeaders } from '../attribution/attribute-request.ts'
import { toRepositoryLabel } from '../attribution/labels.ts'
import { declaredRepository, isSideCall, repositoryFromBody, type RepositoryFromPath } from '../attribution/repository.ts'
import { SessionMemory } from '../attribution/session-memory.ts'
import type { Attributed, Attribution } from '../entry/attribution.ts'
import { ConfigurationError } from '../errors.ts'
import type { Exchange } from '../exchange/exchange.ts'
import { noBody, RequestBody } from '../exchange/request-body.ts'
import { systemClock, type Clock } from '../host.ts'
import type { Principal } from '../ports/key-ring.ts'
import type { Middleware } from './middleware.ts'

/** What {@link attribute} adds. */
export interface WithAttribution {
  /** Of a side call that came before its session said where it works, `repository` is filled in when the exchange settles. */
  readonly attribution: Attribution
}

/** Options of {@link attribute}. All have defaults; Claude Code needs no configuration to be attributed. */
export interface AttributeOptions {
  /** Header in which a client declares its repository: a name, `owner/name`, or a clone URL. @defaultValue 'x-sluice-repository' */
  readonly repositoryHeader?: string
  /** Header in which a client declares its developer; a gateway key goes before it. @defaultValue 'x-sluice-developer' */
  readonly developerHeader?: string
  /** Header of free tags, `team=payments, cost-centre=42`. @defaultValue 'x-sluice-tags' */
  readonly tagsHeader?: string
  /** Turns a working directory into a repository's name, in place of its last name-like segment. The privacy filter still judges the result. */
  readonly repositoryFromPath?: RepositoryFromPath
  /** Sessions whose repository is remembered, for their calls that do not tell it. @defaultValue 10000 */
  readonly sessionMemory?: number
  /** False: no name is taken from any path; only what clients declare is recorded. @defaultValue true */
  readonly isRepositoryLabelStored?: boolean
  /** False: neither device nor account leaves a trace, not even as an anonymous hint at the developer. @defaultValue true */
  readonly isDeviceStored?: boolean
  /** Pass the host's, where it has its own. @defaultValue systemClock */
  readonly clock?: Clock
}

export const defaultAttributeOptions: DeclaringHeaders & {
  readonly sessionMemory: number
  readonly isRepositoryLabelStored: boolean
  readonly isDeviceStored: boolean
} = Object.freeze({
  repositoryHeader: 'x-sluice-repository',
  developerHeader: 'x-sluice-developer',
  tagsHeader: 'x-sluice-tags',
  sessionMemory: 10_000,
  isRepositoryLabelStored: true,
  isDeviceStored: true,
})

/** How long a settled side call waits for its session to say where it works. Titles leave up to 65 ms before the first main call. */
const lateMillis = 2000

/**
 * Says whose an exchange is and what it is for: session, agent, developer, repository, kind, client, each with its source. Takes the developer
 * from {@link authenticate} where that came before. Reads the request and never changes it; keeps no prompt text; refuses nothing.
 *
 * @throws ConfigurationError for a header name that is none, or a bound that is no positive whole number
 */
export function attribute(options: AttributeOptions = {}): Middleware<object, WithAttribution> {
  const names: DeclaringHeaders = {
    repositoryHeader: headerName('repositoryHeader', options),
    developerHeader: headerName('developerHeader', options),
    tagsHeader: headerName('tagsHeader', options),
  }
  const isRepositoryLabelStored = options.isRepositoryLabelStored ?? defaultAttributeOptions.isRepositoryLabelStored
  const isDeviceStored = options.isDeviceStored ?? defaultAttributeOptions.isDeviceStored
  const fromPath = options.repositoryFromPath ?? toRepositoryLabel
  const memory = new SessionMemory(memoryBound(options), options.clock ?? systemClock)

  return {
    name: 'attribute',
    adds: ['attribution'],
    handle: async (exchange, next) => {
      const { method, headers, target } = exchange
      // A body that cannot be read is refused where it is sent; until then its headers say whose it is. Other routes' bodies tell nothing.
      const body = method === 'POST' && target.path === '/v1/messages' ? await exchange.body().catch(() => noBody) : noBody
      const { principal } = exchange.context as { readonly principal?: Principal }
      const attribution = RequestBody.glance(body, () => attributeRequest({ method, path: target.path, headers, body, principal }, names, isDeviceStored))
      const kind = attribution.kind.value
      const memoryKey = attribution.session && `${principal?.keyId ?? ''}\n${attribution.session.value}`
      const declared = keyRepository(principal) ?? declaredRepository(headers, names.repositoryHeader, attribution.tags)
      if (declared !== undefined) attribution.repository = declared
      if (isRepositoryLabelStored) {
        const found = RequestBody.glance(body, () => repositoryFromBody(kind, body, memory, memoryKey, guarded(fromPath, exchange)))
        if (attribution.repository === undefined && found !== undefined) attribution.repository = found
        if (attribution.repository === undefined && memoryKey !== undefined && isSideCall(kind)) {
          exchange.onSettled(async () => {
            const label = (await memory.await(memoryKey, lateMillis))?.label
            if (label !== undefined) attribution.repository = { value: label, source: 'session' }
          })
        }
      }
      return next({ attribution })
    },
  }
}

/** What a key was made for goes before what its client says. */
function keyRepository(principal: Principal | undefined): Attributed | undefined {
  const { tags = {} } = principal ?? {}
  const value = Object.hasOwn(tags, 'repository') ? tags['repository'] : undefined
  return value === undefined || value === '' ? undefined : { value, source: 'key' }
}

/** A hook that throws costs the label, not the request; the host hears of it at settlement. */
function guarded(fromPath: RepositoryFromPath, exchange: Exchange): RepositoryFromPath {
  if (fromPath === toRepositoryLabel) return fromPath
  return (path) => {
    try {
      return fromPath(path)
    } catch (cause) {
      exchange.onSettled(() => {
        throw new Error('repositoryFromPath threw', { cause })
      })
      return undefined
    }
  }
}

function headerName(option: keyof DeclaringHeaders, options: AttributeOptions): string {
  const name = options[option] ?? defaultAttributeOptions[option]
  if (!/^[a-z0-9][a-z0-9-]{0,63}$/i.test(name)) {
    throw new ConfigurationError(option, `"${name}" is not a header name. Use letters, digits and dashes, such as "${defaultAttributeOptions[option]}".`)
  }
  return name.toLowerCase()
}

function memoryBound({ sessionMemory = defaultAttributeOptions.sessionMemory }: AttributeOptions): number {
  if (!Number.isSafeInteger(sessionMemory) || sessionMemory <= 0) {
    throw new ConfigurationError(
      'sessionMemory',
      `${sessionMemory} is not a positive whole number. It bounds the sessions whose repository is remembered, such as 10000.`,
    )
  }
  return sessionMemory
}
