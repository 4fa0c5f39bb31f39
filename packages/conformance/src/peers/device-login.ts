/** A page, and where it was found in the end. */
interface Page {
  readonly url: string
  readonly html: string
}

interface DeviceAuthorization {
  readonly device_code: string
  readonly user_code: string
  readonly verification_uri_complete: string
}

const form = { 'content-type': 'application/x-www-form-urlencoded' }
/** A code, a login, a consent, and some more for a page in between. */
const mostPages = 8

/**
 * Signs in as Claude Code and its user do: the client asks for a code (RFC 8628), the user confirms it in a browser and logs in at the issuer, the client
 * fetches its token.
 *
 * @param login - whom to log in as
 * @returns the access token
 * @throws Error where it ends without one
 */
export async function deviceLogin(gatewayUrl: string, login: string): Promise<string> {
  const asked = await fetch(`${gatewayUrl}/oauth/device_authorization`, { method: 'POST', headers: form, body: 'surface=claude_code' })
  const device = (await asked.json()) as DeviceAuthorization
  const browse = browser()
  let page = await browse(device.verification_uri_complete)
  for (let count = 0; page.html.includes('<form') && count < mostPages; count += 1) {
    const { action, fields } = formOf(page, { user_code: device.user_code, login, password: 'any' })
    page = await browse(action, fields)
  }
  const grant = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: device.device_code }
  const answer = await fetch(`${gatewayUrl}/oauth/token`, { method: 'POST', headers: form, body: new URLSearchParams(grant) })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`the login ended at ${new URL(page.url).pathname}, and the token endpoint answered ${answer.status}: ${text}`)
  return (JSON.parse(text) as { readonly access_token: string }).access_token
}

/** The page's form, with its own values, and those of `filled` in fields that it has. */
function formOf({ url, html }: Page, filled: Readonly<Record<string, string>>): { readonly action: string; readonly fields: URLSearchParams } {
  const fields = new URLSearchParams()
  for (const [input] of html.matchAll(/<input[^>]*>/g)) {
    const name = attribute(input, 'name')
    if (name !== undefined) fields.set(name, filled[name] ?? attribute(input, 'value') ?? '')
  }
  return { action: new URL(attribute(/<form[^>]*>/.exec(html)?.[0] ?? '', 'action') ?? '', url).href, fields }
}

function attribute(tag: string, name: string): string | undefined {
  return new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1]?.replaceAll('&amp;', '&')
}

/** Follows redirects from one host to the other, and keeps the cookies of each. */
function browser(): (url: string, fields?: URLSearchParams) => Promise<Page> {
  const cookies = new Map<string, Map<string, string>>()
  return async (url, fields) => {
    let at = url
    let body = fields
    for (;;) {
      const { origin } = new URL(at)
      const jar = cookies.get(origin) ?? new Map<string, string>()
      cookies.set(origin, jar)
      const answer = await fetch(at, {
        redirect: 'manual',
        headers: { accept: 'text/html', cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; '), ...(body && { ...form, origin }) },
        ...(body && { method: 'POST', body }),
      })
      for (const cookie of answer.headers.getSetCookie()) {
        const [pair = ''] = cookie.split(';')
        jar.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1))
      }
      const location = answer.headers.get('location')
      if (location === null) return { url: at, html: await answer.text() }
      await answer.body?.cancel()
      at = new URL(location, at).href
      body = undefined
    }
  }
}
