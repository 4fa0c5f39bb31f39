import type { GatewayClient } from './gateway-client.ts'

/** Every item of a list of the admin API, page by page; at most `limit`. */
export async function allPages(
  client: GatewayClient,
  path: string,
  field: string,
  query: URLSearchParams,
  limit: number,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const items: Readonly<Record<string, unknown>>[] = []
  const parameters = new URLSearchParams(query)
  while (items.length < limit) {
    parameters.set('limit', String(Math.min(1_000, limit - items.length)))
    const page = await client.admin(path, { query: parameters })
    items.push(...((page[field] ?? []) as readonly Readonly<Record<string, unknown>>[]))
    if (typeof page['next'] !== 'string') break
    parameters.set('after', page['next'])
  }
  return items
}
