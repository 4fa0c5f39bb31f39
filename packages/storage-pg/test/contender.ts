import pg from 'pg'
import { pgBudgetBook } from '../src/index.ts'

/** One of several processes that reserve in one budget at once. Prints what became of its reservations. */
const [url = '', name = '', count = '0', amount = '0', cap = '0', mode = ''] = process.argv.slice(2)
const pool = new pg.Pool({ connectionString: url, max: 16 })
const book = pgBudgetBook(pool)
const slot = (account: string) => ({ account, bucket: 0, firstBucket: 0 })
const results = await Promise.all(
  Array.from({ length: Number(count) }, async (_, index) => {
    // Scopes in another order each time: locks must not be taken in the order of the claims.
    const scopes = ['acme', `acme/team-${index % 3}`, `acme/team-${index % 3}/developer-${index % 7}`]
    const claims = (index % 2 === 0 ? scopes : scopes.toReversed()).map((account) => ({
      ...slot(account),
      amount: BigInt(amount),
      ...(account === 'acme' && { cap: BigInt(cap) }),
    }))
    const { isGranted } = await book.reserve({ holdId: `${name}-${index}`, claims, expiresAt: mode === 'crash' ? 1_000 : Date.UTC(2100, 0) })
    if (isGranted && mode === 'settle')
      await book.settle([{ holdId: `${name}-${index}`, charges: claims.map(({ account }) => ({ ...slot(account), amount: BigInt(amount) - 1n })) }])
    return isGranted
  }),
)
console.log(JSON.stringify({ granted: results.filter(Boolean).length }))
if (mode === 'crash') process.kill(process.pid, 'SIGKILL')
await pool.end()
