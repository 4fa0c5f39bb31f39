import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { claudeCodeBody, Load } from './load.ts'
import type { Child } from './processes/child.ts'
import { rounded } from './speed.ts'

/** What one process holds and how long it is away. */
export interface LimitResult {
  readonly target: string
  readonly openStreams: number
  readonly rssKilobytesPerStream: number
  /** The longest that the event loop was away while bodies of two megabytes came in, four at a time. */
  readonly longestStallMillis: number
}

const openStreams = 2_000

/** Memory per open idle stream, and stalls of the event loop. */
export async function measureLimits(targets: Readonly<Record<string, Child>>): Promise<readonly LimitResult[]> {
  const results: LimitResult[] = []
  for (const [target, child] of Object.entries(targets)) {
    await child.stallMillis()
    const load = new Load(child, 4)
    await load.run(50, 4, claudeCodeBody(2 * 1024 * 1024), 50)
    await child.stallMillis()
    await load.run(200, 4, claudeCodeBody(2 * 1024 * 1024), 50)
    const longestStallMillis = rounded(await child.stallMillis())
    load.close()
    const before = await child.memory()
    const sockets = await open(child.port)
    const during = await child.memory()
    for (const socket of sockets) socket.destroy()
    results.push({ target, openStreams, rssKilobytesPerStream: rounded((during.rssBytes - before.rssBytes) / openStreams / 1024), longestStallMillis })
  }
  return results
}

/** Opens streams of which each has its first frame and waits for the next. */
async function open(port: number): Promise<readonly Socket[]> {
  const body = '{"model":"claude-opus-5-5","stream":true,"messages":[]}'
  const head = `POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer bench-secret-0123456789\r\ncontent-type: application/json\r\nx-bench-hold: 1\r\ncontent-length: ${body.length}\r\n\r\n`
  const sockets: Socket[] = []
  while (sockets.length < openStreams) {
    const batch = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const socket = connect(port, '127.0.0.1')
        await once(socket, 'connect')
        socket.write(head + body)
        await once(socket, 'data')
        return socket
      }),
    )
    sockets.push(...batch)
  }
  return sockets
}
