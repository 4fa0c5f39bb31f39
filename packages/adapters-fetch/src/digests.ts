import { checksumDigests, type Digest, type DigestFactory, type Runtime } from '@sluice/core'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { nodeZlib } from './surroundings.ts'

type RunningHash = ReturnType<typeof sha256.create>

/** SHA-256 in JavaScript, because `crypto.subtle` takes only bytes that are all here; CRC-32 natively where there is one, else core's own. */
export const fetchDigests: NonNullable<Runtime['digests']> = {
  sha256: sha256Digests(),
  ...(nodeZlib?.crc32 !== undefined && { crc32: checksumDigests(nodeZlib.crc32) }),
}

function sha256Digests(): DigestFactory {
  return { algorithm: 'sha256', create: () => sha256Digest(sha256.create()) }
}

function sha256Digest(hash: RunningHash): Digest {
  return {
    update: (chunk) => void hash.update(chunk),
    fork: () => sha256Digest(hash.clone()),
    value: () => `sha256:${bytesToHex(hash.clone().digest())}`,
  }
}
