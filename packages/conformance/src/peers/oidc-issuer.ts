import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** As much of an OpenID Connect issuer as a gateway needs to start: its discovery document, and no keys. Nobody can log in. */
export async function startOidcIssuer(): Promise<{ readonly url: string; readonly stop: () => void }> {
  let url = ''
  const server = createServer((request, response) => {
    const document =
      request.url === '/.well-known/openid-configuration'
        ? {
            issuer: url,
            authorization_endpoint: `${url}/authorize`,
            token_endpoint: `${url}/token`,
            jwks_uri: `${url}/jwks`,
            response_types_supported: ['code'],
            subject_types_supported: ['public'],
            id_token_signing_alg_values_supported: ['RS256'],
            scopes_supported: ['openid', 'email', 'profile'],
          }
        : { keys: [] }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(document))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // It must not keep a finished run alive.
  server.unref()
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    stop: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
