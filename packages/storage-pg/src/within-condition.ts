/** True for a path and all paths below it, by an index in order of bytes: what starts with the path and a slash comes before the path and a 0. */
export function withinCondition(column: string, place: number): string {
  return `(${column} = $${place}::text or (${column} > $${place}::text || '/' and ${column} < $${place}::text || '0'))`
}
