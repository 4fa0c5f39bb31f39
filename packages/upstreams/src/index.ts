/**
 * Upstreams of a gateway beyond the Messages API itself. Each factory returns what `createGateway({ upstreams })` takes.
 *
 * @packageDocumentation
 */
export { bedrockMantle, type BedrockMantleOptions } from './bedrock/bedrock-mantle.ts'
export { bedrockInvoke, type BedrockInvokeOptions } from './bedrock/bedrock-invoke.ts'
export type { BedrockOptions } from './bedrock/bedrock-options.ts'
export { vertex, type VertexOptions } from './vertex/vertex.ts'
export type { ServiceAccount, TokenExchange } from './vertex/service-account.ts'
export { foundry, type FoundryOptions } from './foundry.ts'
export { messagesCompatible, type MessagesCompatibleOptions } from './messages-compatible.ts'
export type { CommonOptions } from './upstream-parts.ts'

export type { AwsAuthentication } from './aws/aws-authentication.ts'
export type { AwsCredentials, AwsCredentialSource } from './aws/aws-credentials.ts'
export type { TokenSource } from './token-source.ts'
export type { ModelId, ModelIds } from './model-ids.ts'

export { checkCapabilities, type BetaUnit, type CapabilityTable, type UpstreamCapabilities, type UpstreamKind } from './capabilities/capability-table.ts'
export { defaultCapabilities } from './capabilities/default-capabilities.ts'
export { strippedBetasHeader, type Capabilities } from './capabilities/fit.ts'

export { isPrivateHost } from './hosts/private-host.ts'
export type { HostOptions } from './hosts/pinned-host.ts'
