import { ConfigurationError, type HeaderList, type Secret } from '@sluice/core'
import { checkedToken } from '../token-source.ts'
import { credentialFailure } from '../credential-failure.ts'
import { awsCredentials, type AwsCredentialSource } from './aws-credentials.ts'
import { awsSigner, type SignableRequest } from './aws-signature.ts'

/** How the gateway authenticates to Bedrock: exactly one of the two. */
export interface AwsAuthentication {
  /** Signs each request (Signature Version 4). */
  readonly credentials?: AwsCredentialSource
  /** A Bedrock API key, sent as it is. */
  readonly bearerToken?: string | Secret
}

/** The headers that authenticate a request. */
export type Authenticate = (request: SignableRequest) => Promise<HeaderList>

/**
 * Signs requests, or puts the token on them.
 *
 * @throws ConfigurationError where there is neither or both
 */
export function awsAuthentication(
  upstream: string,
  { credentials, bearerToken }: AwsAuthentication,
  region: string,
  service: string,
  now: () => number,
): Authenticate {
  if ((credentials === undefined) === (bearerToken === undefined))
    throw new ConfigurationError(upstream, 'needs `credentials` or `bearerToken`, one of the two.')
  if (bearerToken !== undefined) {
    const token = checkedToken(upstream, bearerToken)
    return () => Promise.resolve([['authorization', `Bearer ${token.reveal()}`]])
  }
  const current = awsCredentials(credentials as AwsCredentialSource, now)
  const sign = awsSigner(region, service)
  return async (request) => {
    let held
    try {
      held = await current()
    } catch (cause) {
      throw credentialFailure(upstream, cause)
    }
    return sign(request, held, now())
  }
}
