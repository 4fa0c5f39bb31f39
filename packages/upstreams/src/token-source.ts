import { ConfigurationError, Secret, type HeaderList } from '@sluice/core'
import { credentialFailure } from './credential-failure.ts'

/** A bearer token as it is, or a function that gets the one in force: asked before each attempt, so it should keep what it gets. */
export type TokenSource = string | Secret | (() => Promise<string>)

/**
 * The bearer header, now.
 *
 * @throws ConfigurationError where the token is given as it is and no header can carry it
 */
export function bearerFrom(upstream: string, option: string, source: TokenSource): () => Promise<HeaderList> {
  const headerOf = (token: Secret): HeaderList => [['authorization', `Bearer ${token.reveal()}`]]
  if (typeof source !== 'function') {
    const header = headerOf(checkedToken(option, source))
    return () => Promise.resolve(header)
  }
  return async () => {
    try {
      return headerOf(checkedToken(option, await source()))
    } catch (cause) {
      throw credentialFailure(upstream, cause)
    }
  }
}

/** A key in the API's own header. @throws ConfigurationError where no header can carry it */
export function keyHeader(option: string, key: string | Secret): () => Promise<HeaderList> {
  const header: HeaderList = [['x-api-key', checkedToken(option, key).reveal()]]
  return () => Promise.resolve(header)
}

/** A token that a header can carry, hidden from printing. @throws ConfigurationError where it is empty or has other characters */
export function checkedToken(option: string, token: string | Secret): Secret {
  const secret = typeof token === 'string' ? new Secret(token) : token
  if (!/^[\x21-\x7e]+$/.test(secret.reveal())) throw new ConfigurationError(option, 'the key or token is empty or has characters that no header can carry.')
  return secret
}
