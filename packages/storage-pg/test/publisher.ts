import pg from 'pg'
import { pgPolicyShelf } from '../src/index.ts'

/** One of several processes that publish policies, each on what is in force, as often as it takes. Prints how many it published. */
const [url = '', name = '', count = '0'] = process.argv.slice(2)
const pool = new pg.Pool({ connectionString: url, max: 4 })
const shelf = pgPolicyShelf(pool)
let granted = 0
for (let number = 1; number <= Number(count); number += 1) {
  const version = `${name} ${number}`
  for (;;) {
    const expected = (await shelf.current())?.version
    const { kind } = await shelf.publish({ version, document: JSON.stringify({ version }), expected, at: number, actor: name })
    if (kind === 'conflict') continue
    granted += 1
    break
  }
}
console.log(JSON.stringify({ granted }))
await pool.end()
