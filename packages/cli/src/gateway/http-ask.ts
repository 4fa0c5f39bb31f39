import http from 'node:http'
import https from 'node:https'

/** A question over HTTP. */
export interface HttpQuestion {
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly timeoutMillis: number
}

/** The answer to one. */
export interface HttpAnswer {
  readonly status: number
  readonly date: string | undefined
  readonly text: string
}

/**
 * Asks a server once. Follows no redirect and uses no proxy, as the gateway does not either; and reaches every port, which `fetch` does not.
 * Rejects with the system's error, whose code says what failed.
 */
export function httpAsk(url: string, { method = 'GET', headers = {}, body, timeoutMillis }: HttpQuestion): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const { request } = url.startsWith('https:') ? https : http
    const call = request(url, { method, headers, agent: false, signal: AbortSignal.timeout(timeoutMillis) }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('error', reject)
      response.once('end', () => resolve({ status: response.statusCode ?? 0, date: response.headers.date, text: Buffer.concat(chunks).toString() }))
    })
    call.once('error', reject)
    call.end(body)
  })
}
