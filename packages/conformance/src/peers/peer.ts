import type { Target } from '../target.ts'

/** A gateway that can be had on this machine, and how it is set up. */
export interface Peer {
  /** Short and stable: what `--peers` takes. */
  readonly id: string
  /** For people. */
  readonly title: string
  /** How it is set up, in a sentence. */
  readonly about: string
  /**
   * Installs what is missing into the cache, starts it in front of the upstream, and resolves once it listens.
   *
   * @throws NotHere where it cannot be had on this machine
   */
  readonly start: (options: PeerOptions) => Promise<RunningPeer>
}

/** What a peer is started with. */
export interface PeerOptions {
  /** What it forwards to. */
  readonly upstreamUrl: string
  /** Told what takes long, such as an installation. */
  readonly onProgress?: (line: string) => void
}

/** A peer that listens, as a target of the suite and of the benchmark. */
export interface RunningPeer extends Target {
  readonly name: string
  readonly version: string
  /** The process that serves; its children belong to it. A database beside it does not. */
  readonly pid: number
  /** What it wrote last, to say why something went wrong. */
  readonly complaints: () => string
  /** Ends it, and everything that was started for it. Idempotent. */
  readonly stop: () => Promise<void>
}

/** A peer cannot be had on this machine. The message says why, in one line. */
export class NotHere extends Error {
  override readonly name = 'NotHere'
}
