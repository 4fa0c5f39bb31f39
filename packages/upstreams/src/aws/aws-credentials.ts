import { ConfigurationError, Secret } from '@sluice/core'
import { heldValue } from '../held-value.ts'

/** AWS credentials, as the providers of the AWS SDKs hand them out too. */
export interface AwsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string | Secret
  readonly sessionToken?: string | Secret | undefined
  /** When they end; absent where they do not. */
  readonly expiration?: Date | undefined
}

/** Credentials as they are, or a function that gets them: an AWS SDK's provider will do. Asked before each attempt, unless what it gave says when it ends. */
export type AwsCredentialSource = AwsCredentials | (() => Promise<AwsCredentials>)

/** Credentials checked, and hidden from printing. */
export interface HeldCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: Secret
  readonly sessionToken: Secret | undefined
}

/**
 * The credentials to sign with, now.
 *
 * @throws ConfigurationError where they are given as they are and are empty or not what a header can carry
 */
export function awsCredentials(source: AwsCredentialSource, now: () => number): () => Promise<HeldCredentials> {
  if (typeof source !== 'function') {
    const held = checked(source)
    return () => Promise.resolve(held)
  }
  return heldValue(async () => {
    const credentials = await source()
    return { value: checked(credentials), expiresAt: credentials.expiration?.getTime() }
  }, now)
}

function checked({ accessKeyId, secretAccessKey, sessionToken }: AwsCredentials): HeldCredentials {
  if (!/^\w{1,128}$/.test(accessKeyId)) throw new ConfigurationError('credentials.accessKeyId', 'is not an AWS access key id.')
  const secret = hidden(secretAccessKey)
  if (secret.reveal() === '') throw new ConfigurationError('credentials.secretAccessKey', 'is empty.')
  const token = sessionToken === undefined ? undefined : hidden(sessionToken)
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token.reveal()))
    throw new ConfigurationError('credentials.sessionToken', 'is empty or has characters that no header can carry.')
  return { accessKeyId, secretAccessKey: secret, sessionToken: token }
}

function hidden(value: string | Secret): Secret {
  return typeof value === 'string' ? new Secret(value) : value
}
