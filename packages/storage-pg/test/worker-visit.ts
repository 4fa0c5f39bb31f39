import { visit } from './visit.ts'

/** A {@link visit} as a worker: each request makes its own pool, as the platform asks, and is answered with what it saw. */
export default {
  fetch: async (_request: Request, { DATABASE_URL }: { readonly DATABASE_URL: string }): Promise<Response> => Response.json(await visit(DATABASE_URL)),
}
