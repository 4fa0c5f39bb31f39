import type { Attributed, Attribution, RequestKind } from '../entry/attribution.ts'
import type { RequestBody } from '../exchange/request-body.ts'
import type { Principal } from '../ports/key-ring.ts'
import type { HeaderList } from '../wire/header-list.ts'
import { agentOf } from './agent.ts'
import { clientOf } from './client.ts'
import { developerOf, deviceOf } from './developer.ts'
import { kindOf } from './kind.ts'
import { readMetadata } from './metadata.ts'
import { sessionOf } from './session.ts'
import { readSystemPrompt } from './system-prompt.ts'
import { readTags } from './tags.ts'

/** Names of the headers with which a client's configuration declares things. */
export interface DeclaringHeaders {
  readonly repositoryHeader: string
  readonly developerHeader: string
  readonly tagsHeader: string
}

/** What an attribution is made from. */
export interface AttributableRequest {
  readonly method: string
  readonly path: string
  readonly headers: HeaderList
  readonly body: RequestBody
  readonly principal: Principal | undefined
}

/** An attribution whose repository is yet to be found. */
export type UnplacedAttribution = Omit<Attribution, 'repository'> & { repository?: Attributed }

/** Everything but the repository, which takes a session's memory to know. */
export function attributeRequest(request: AttributableRequest, names: DeclaringHeaders, isDeviceStored: boolean): UnplacedAttribution {
  const { headers, body, principal } = request
  const system = readSystemPrompt(body)
  const { isClaudeCode, isSubAgent, ...client } = clientOf(headers, system)
  const kind: Attributed<RequestKind> = kindOf({ ...request, client: { isClaudeCode, isSubAgent }, system })
  const metadata = isClaudeCode ? readMetadata(body) : undefined
  const session = sessionOf(headers, metadata)
  const device = isDeviceStored ? deviceOf(metadata) : undefined
  const developer = developerOf(principal, headers, names.developerHeader, isDeviceStored ? metadata : undefined)
  return {
    ...(session && { session }),
    ...agentOf(headers),
    ...(developer && { developer }),
    ...(device && { device }),
    kind,
    ...client,
    tags: readTags(headers, names.tagsHeader),
  }
}
