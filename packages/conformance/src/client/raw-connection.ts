import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { Unmet, within } from '../unmet.ts'

/** A bare connection to the gateway. */
export interface RawConnection {
  readonly write: (bytes: Uint8Array | string) => void
  readonly received: () => Buffer
  /** Waits until what was received fits, and resolves with it as Latin-1 text. Rejects with {@link Unmet} when it does not in time, or the gateway closed first. */
  readonly until: (fits: (text: string) => boolean, what: string) => Promise<string>
  /** Resolves with all that was received when the gateway closes the connection, or when so many milliseconds have passed. */
  readonly settled: (millis: number) => Promise<{ readonly text: string; readonly isClosed: boolean }>
  readonly destroy: () => void
}

/** Opens a connection to where a URL points. */
export async function rawConnection(url: URL, patienceMillis: number): Promise<RawConnection> {
  const secure = url.protocol === 'https:'
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port)
  const socket: Socket = secure ? connectTls({ host, port, rejectUnauthorized: false, servername: host }) : connectTcp({ host, port })
  socket.setNoDelay(true)
  await within(
    patienceMillis,
    new Promise<void>((resolve, reject) => {
      socket.once(secure ? 'secureConnect' : 'connect', resolve)
      socket.once('error', (error) => reject(new Unmet(`no connection to the gateway (${error.message})`)))
    }),
    'a connection to the gateway',
  )
  const chunks: Buffer[] = []
  let isClosed = false
  let wake: (() => void)[] = []
  const changed = (): void => {
    const waiting = wake
    wake = []
    for (const each of waiting) each()
  }
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    changed()
  })
  socket.on('error', () => undefined)
  socket.on('end', () => socket.end())
  socket.on('close', () => {
    isClosed = true
    changed()
  })
  const received = (): Buffer => Buffer.concat(chunks)
  const text = (): string => received().toString('latin1')
  const change = (): Promise<void> =>
    new Promise((resolve) => {
      wake.push(resolve)
    })

  return {
    write: (bytes) => {
      if (!isClosed) socket.write(bytes)
    },
    received,
    until: async (fits, what) => {
      while (!fits(text())) {
        if (isClosed) throw new Unmet(`${what}: the gateway closed the connection after ${JSON.stringify(text().slice(0, 120))}`)
        await within(patienceMillis, change(), what)
      }
      return text()
    },
    settled: async (millis) => {
      const deadline = Date.now() + millis
      const isOpen = (): boolean => !isClosed
      for (let left = millis; isOpen() && left > 0; left = deadline - Date.now()) {
        let timer: NodeJS.Timeout | undefined
        await Promise.race([
          change(),
          new Promise<void>((resolve) => {
            timer = setTimeout(resolve, left)
          }),
        ])
        clearTimeout(timer)
      }
      return { text: text(), isClosed }
    },
    destroy: () => {
      socket.destroy()
    },
  }
}
