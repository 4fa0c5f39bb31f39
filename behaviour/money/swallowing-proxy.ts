import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A network between a gateway and its database, that can swallow every packet without a word: no reset, no end. */
export interface SwallowingProxy {
  readonly port: number
  /** From now on nothing gets through, in either direction; connections stay open. */
  readonly swallow: () => void
  /**
   * Forwards again. `deliver`: what was swallowed comes late, in order, also from those who have given up and gone, as after retransmission; `forget`: connections
   * of before stay dead, as behind a firewall that has lost its table, and new ones get through.
   */
  readonly forward: (what: 'deliver' | 'forget') => void
  readonly close: () => Promise<void>
}

export async function swallowingProxy(targetPort: number): Promise<SwallowingProxy> {
  const sockets = new Set<Socket>()
  let isSwallowing = false
  /** What connections of this age do is dropped, for ever. */
  let deadBefore = 0
  let age = 0
  let held: (() => void)[] = []

  const server = createServer({ allowHalfOpen: true }, (client) => {
    const born = (age += 1)
    const target = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true })
    const passing = (act: () => void): void => {
      if (born <= deadBefore) return
      if (isSwallowing) held.push(act)
      else act()
    }
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      sockets.add(from)
      from.setNoDelay(true)
      from.on('data', (chunk) => passing(() => void (to.writable && to.write(chunk))))
      from.once('end', () => passing(() => to.end()))
      from.on('error', () => undefined)
      from.once('close', () => {
        sockets.delete(from)
        passing(() => void to.end())
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    swallow: () => {
      isSwallowing = true
    },
    forward: (what) => {
      isSwallowing = false
      const late = held
      held = []
      if (what === 'deliver') for (const act of late) act()
      else deadBefore = age
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}
