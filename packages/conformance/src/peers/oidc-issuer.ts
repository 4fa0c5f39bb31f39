import { join } from 'node:path'
import { freePort, startChild } from './child-process.ts'
import { npmInstalled } from './install.ts'
import type { PeerOptions } from './peer.ts'

const version = '9.13.3'

/** What a gateway is known as at its issuer. */
export interface OidcClient {
  readonly id: string
  readonly secret: string
  /** Where a browser is sent back to. */
  readonly redirectUri: string
}

/** An OpenID Connect issuer that people can sign in at. */
export interface OidcIssuer {
  readonly url: string
  readonly stop: () => Promise<void>
}

/**
 * Starts `oidc-provider`, from npm, with one client. Its login page takes any name with any password; the name becomes the subject.
 *
 * @throws NotHere where it cannot be had
 */
export async function startOidcIssuer({ id, secret, redirectUri }: OidcClient, options: PeerOptions): Promise<OidcIssuer> {
  const folder = npmInstalled({ name: 'oidc-provider', version }, options)
  const port = await freePort()
  const script = join(import.meta.dirname, 'oidc-issuer-process.ts')
  const child = startChild({ program: process.execPath, args: [script, folder, String(port), id, secret, redirectUri] })
  await child.listensOn(port)
  return { url: `http://127.0.0.1:${port}`, stop: child.stop }
}
