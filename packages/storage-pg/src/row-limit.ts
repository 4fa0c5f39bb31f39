/** A limit as SQL takes it: whole, not negative, and an integer that PostgreSQL knows even where it is infinite. */
export function rowLimit(limit: number): number {
  return Math.min(Math.max(0, Math.floor(limit)), Number.MAX_SAFE_INTEGER)
}
