import { headerValues, type DialectFacts, type HeaderList } from '@sluice/core'
import { awsAuthentication, type AwsAuthentication, type Authenticate } from '../aws/aws-authentication.ts'
import { checkName, pinnedUrl } from '../hosts/pinned-host.ts'
import type { CommonOptions } from '../upstream-parts.ts'

/** What both ways to Bedrock take. */
export interface BedrockOptions extends CommonOptions, AwsAuthentication {
  /** Such as `us-east-1`. Requests never leave it for another one but through what a model's id stands for. */
  readonly region: string
  /** For a private endpoint; its name is what certificates are checked against. @defaultValue the region's public endpoint */
  readonly baseUrl?: string
}

/** Where and how to reach a Bedrock service. */
export interface BedrockEndpoint {
  readonly url: URL
  /** The headers that authenticate a request whose path stands below the base URL. */
  readonly authenticate: (facts: DialectFacts, path: string, headers: HeaderList, body: readonly Uint8Array[]) => Promise<HeaderList>
}

/** @throws ConfigurationError naming the option, what was seen, and the fix */
export function bedrockEndpoint(
  factory: string,
  name: string,
  options: BedrockOptions,
  service: string,
  publicUrl: (region: string) => string,
): BedrockEndpoint {
  const region = checkName(`${factory}.region`, options.region, 'us-east-1')
  const url = pinnedUrl(`${factory}.baseUrl`, options.baseUrl ?? publicUrl(region), options)
  const authenticate: Authenticate = awsAuthentication(name, options, region, service, options.now ?? Date.now)
  return {
    url,
    authenticate: ({ method, basePath }, path, headers, body) => {
      const contentType = headerValues(headers, 'content-type').map((value) => ['content-type', value] as const)
      return authenticate({ method, host: url.host, path: basePath + path, headers: contentType, body })
    },
  }
}
