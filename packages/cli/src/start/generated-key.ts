import { randomInt } from 'node:crypto'
import { userInfo } from 'node:os'
import type { StaticKey } from '@sluice/core'

const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** A key for one run of the gateway, booked to whoever started it. */
export function generatedKey(): StaticKey {
  let secret = ''
  for (let at = 0; at < 32; at += 1) secret += base62[randomInt(62)] as string
  return { developer: userName(), secret: `sluice_local_${secret}` }
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    // A container may run as a user without a name.
    return 'local'
  }
}
