/** The issuer's own process: it writes much about settings that do not matter for one run. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** As much of `oidc-provider` as is used: it is installed when it is first needed, so its types are not there. */
interface ProviderModule {
  readonly default: new (issuer: string, configuration: object) => { readonly listen: (port: number, host: string) => unknown }
}

const [folder = '', port = '', clientId = '', secret = '', redirectUri = ''] = process.argv.slice(2)
const { default: Provider } = (await import(pathToFileURL(join(folder, 'lib/index.js')).href)) as ProviderModule

new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id: clientId, client_secret: secret, redirect_uris: [redirectUri] }],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  // What is asked for is in the ID token too, not at the user-info endpoint alone.
  conformIdTokenClaims: false,
  findAccount: (_context: unknown, accountId: string) => ({
    accountId,
    claims: () => ({ sub: accountId, name: accountId, email: `${accountId}@example.com`, email_verified: true }),
  }),
}).listen(Number(port), '127.0.0.1')
