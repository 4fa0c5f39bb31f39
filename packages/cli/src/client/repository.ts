/**
 * A repository's name, `owner/name`, from a git remote: https, ssh, scp form, or a path. Host, user, password and port are dropped, so that
 * no credential of a remote ever becomes a label. Undefined where no such name is in it.
 */
export function repositoryFromRemote(remote: string): string | undefined {
  const path = pathOf(remote.trim())
  const segments = path
    .replace(/[?#].*$/, '')
    .replace(/\/+$/, '')
    .replace(/\.git$/i, '')
    .split('/')
    // Azure DevOps writes project/_git/name.
    .filter((segment) => segment !== '' && segment !== '_git')
  const kept = segments.slice(-2)
  return kept.length > 0 && kept.every((segment) => /^[\w][\w.-]{0,99}$/.test(segment)) ? kept.join('/') : undefined
}

function pathOf(remote: string): string {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(remote)) return URL.canParse(remote) ? decoded(new URL(remote).pathname) : ''
  // user@host:owner/name, but not C:\path
  const scp = /^[^/\\]{2,}:(.*)$/.exec(remote)
  return scp?.[1] ?? remote.replaceAll('\\', '/')
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return ''
  }
}
