import { visit } from './visit.ts'

/** A {@link visit} as a program: on the database whose URL is the last argument. Prints what it saw. */
console.log(JSON.stringify(await visit(process.argv.at(-1) ?? '')))
