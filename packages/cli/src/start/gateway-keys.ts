import {
  authenticate,
  type Authenticated,
  type CredentialVerifier,
  type HeaderList,
  type Middleware,
  type UpstreamCredential,
  type VirtualKeys,
} from '@sluice/core'

/** Keys from configuration and keys that were issued, as one. */
export function bothKeys(configured: CredentialVerifier, issued: VirtualKeys): CredentialVerifier {
  return {
    verify: async (credential) => (await configured.verify(credential)) ?? issued.verify(credential),
    // Keys from configuration are not withdrawn while the gateway runs.
    watch: (principal, onWithdrawn) => (principal.keyId.startsWith('static:') ? () => undefined : issued.watch(principal, onWithdrawn)),
  }
}

/** True for what says of itself that it is a key of this gateway, in either presentation. Whether it is one, `verify` tells. */
export function isIssuedKey(credential: string, keys: Pick<VirtualKeys, 'mask'>): boolean {
  return keys.mask(credential) !== '[masked]' || isKeyToken(credential)
}

const longestToken = 1_024

function isKeyToken(credential: string): boolean {
  if (!credential.startsWith('eyJ') || credential.length > longestToken) return false
  try {
    const payload = JSON.parse(Buffer.from(credential.split('.')[1] ?? '', 'base64url').toString()) as { readonly iss?: unknown; readonly aud?: unknown }
    return payload.iss === 'sluice' && payload.aud === 'claude-gateway'
  } catch {
    return false
  }
}

/** The credentials of a request, as a client may present them. */
function credentialsOf(headers: HeaderList): readonly string[] {
  return headers.flatMap(([name, value]) => {
    const lower = name.toLowerCase()
    if (lower === 'x-api-key' || lower === 'x-sluice-key') return [value]
    return lower === 'authorization' ? [bearerOf(value)] : []
  })
}

function bearerOf(value: string): string {
  return /^bearer +(\S+) *$/i.exec(value)?.[1] ?? value
}

/**
 * For a gateway that asks nobody for a key: who brings one that was issued is known by it, and refused where it is not taken any more;
 * everybody else passes as before.
 */
export function recogniseKeys(keys: VirtualKeys): Middleware<object, Partial<Authenticated>> {
  const { handle } = authenticate(keys)
  return {
    name: 'recognise-keys',
    adds: ['principal'],
    handle: (exchange, next) => (credentialsOf(exchange.headers).some((credential) => isIssuedKey(credential, keys)) ? handle(exchange, next) : next({})),
  }
}

/** The same credential mode, with keys of the gateway's own taken out of what a client presents: they never leave it. */
export function withoutIssuedKeys(credential: UpstreamCredential, keys: Pick<VirtualKeys, 'mask'>): UpstreamCredential {
  if (credential.mode === 'swap') return credential
  return {
    ...credential,
    headersFor: (clientHeaders, hostname) => {
      const isCredential = ([name]: HeaderList[number]): boolean => /^(?:x-api-key|authorization)$/i.test(name)
      const kept = clientHeaders.filter((header) => !isCredential(header) || !isIssuedKey(bearerOf(header[1]), keys))
      // Nothing of the client's own is left: what to make of that is for the upstream to say.
      return kept.length < clientHeaders.length && !kept.some(isCredential) ? [] : credential.headersFor(kept, hostname)
    },
  }
}
