import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Agent, request as send } from 'undici'
import { reportUsage } from './child.ts'

/** The least a proxy can do on Node: node:http in, undici out, both piped. The yardstick. */
const upstream = process.argv[2] as string
const dispatcher = new Agent({ allowH2: false, keepAliveTimeout: 25_000 })

const server = createServer((request, response) => {
  // The other forms of a target are for proxies of the web.
  if (request.url?.startsWith('/') !== true) {
    response.writeHead(400).end()
    return
  }
  response.on('error', () => undefined)
  const { host: _host, connection: _connection, 'content-length': length, ...headers } = request.headers
  send(upstream + request.url, {
    method: request.method as 'POST',
    headers: { ...headers, ...(length !== undefined && { 'content-length': length }) },
    body: request,
    dispatcher,
  })
    .then((reply) => {
      const { connection: _hop, 'keep-alive': _keep, 'transfer-encoding': _coding, ...replyHeaders } = reply.headers
      response.writeHead(reply.statusCode, replyHeaders)
      reply.body.on('error', (error) => response.destroy(error)).pipe(response)
    })
    .catch((error: unknown) => response.destroy(error as Error))
})
server.keepAliveTimeout = 120_000
server.listen(0, '127.0.0.1', () => reportUsage((server.address() as AddressInfo).port))
