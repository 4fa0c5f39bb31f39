import { headerValues, type HeaderList } from './header-list.ts'

/** A credential as a client presented it. */
export interface PresentedCredential {
  readonly form: 'x-api-key' | 'bearer'
  readonly value: string
}

/** Headers that authenticate to this hop or the next; none of them crosses the gateway unless the upstream's credential mode says so. */
const credentialHeaders: ReadonlySet<string> = new Set(['x-api-key', 'authorization', 'proxy-authorization', 'cookie'])

export function isCredentialHeader(lowerName: string): boolean {
  return credentialHeaders.has(lowerName)
}

/**
 * The credentials of a request. Claude Code sends `x-api-key`, a bearer, or (with an apiKeyHelper) both with one value.
 * Distinct values only; an Authorization of another scheme is no credential of ours.
 */
export function presentedCredentials(headers: HeaderList): readonly PresentedCredential[] {
  const found: PresentedCredential[] = headerValues(headers, 'x-api-key').map((value) => ({ form: 'x-api-key', value: value.trim() }))
  for (const value of headerValues(headers, 'authorization')) {
    const bearer = /^bearer +(\S+) *$/i.exec(value)?.[1]
    if (bearer !== undefined) found.push({ form: 'bearer', value: bearer })
  }
  return found.filter(({ value }, index) => value !== '' && found.findIndex((other) => other.value === value) === index)
}
