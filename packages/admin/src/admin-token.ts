import { ConfigurationError } from '@sluice/core'
import { sha256Hex } from './plain.ts'
import { adminRoles, type AdminActor, type AdminRole } from './power.ts'

/** A token of the admin API. Only its hash is kept: a token has enough randomness of its own to need no salt and no slow hash. */
export interface AdminToken {
  /** The actor in the audit log. */
  readonly name: string
  /** {@link hashAdminToken} of the token. */
  readonly tokenHash: string
  readonly role: AdminRole
  /** Path of the scope that bounds it: it sees and changes only what lies within. Absent: everything. */
  readonly scope?: string
}

/** SHA-256 of a token, in hex. Make tokens with at least 128 bits of randomness: `openssl rand -hex 24`. */
export function hashAdminToken(token: string): Promise<string> {
  return sha256Hex(token)
}

/** Finds who a token belongs to; every one is compared, in the same time. */
export type TokenCheck = (presented: string) => Promise<AdminActor | undefined>

const maxTokenLength = 512

/**
 * The check of some tokens.
 *
 * @throws ConfigurationError for a token without a usable name, hash, role or scope, and for two of one name or hash
 */
export function tokenCheck(tokens: readonly AdminToken[]): TokenCheck {
  for (const [at, { name, tokenHash, role, scope }] of tokens.entries()) {
    const place = `tokens[${at}]`
    if (!/^[\w.@-]{1,64}$/.test(name))
      throw new ConfigurationError(`${place}.name`, 'is not usable. Give up to 64 letters, digits, dots, hyphens, underscores, @.')
    if (!/^[0-9a-f]{64}$/.test(tokenHash)) throw new ConfigurationError(`${place}.tokenHash`, 'is not a SHA-256 in hex. Make it with hashAdminToken(token).')
    if (!adminRoles.includes(role)) throw new ConfigurationError(`${place}.role`, `is not one of ${adminRoles.join(', ')}.`)
    if (scope !== undefined && !/^[^/\p{Cc}]+(?:\/[^/\p{Cc}]+)*$/u.test(scope))
      throw new ConfigurationError(`${place}.scope`, `"${scope}" is not the path of a scope. Give names joined by slashes, such as acme/web.`)
    if (tokens.findIndex((other) => other.name === name || other.tokenHash === tokenHash) !== at)
      throw new ConfigurationError(place, 'has the name or the hash of another. Every token needs its own of both.')
  }
  return async (presented) => {
    if (presented.length > maxTokenLength) return undefined
    const hash = await hashAdminToken(presented)
    let found: AdminActor | undefined
    for (const { name, tokenHash, role, scope } of tokens) if (isEqual(hash, tokenHash)) found = { name, role, ...(scope !== undefined && { scope }) }
    return found
  }
}

function isEqual(left: string, right: string): boolean {
  let difference = left.length ^ right.length
  for (let at = 0; at < left.length; at += 1) difference |= left.charCodeAt(at) ^ right.charCodeAt(at)
  return difference === 0
}
