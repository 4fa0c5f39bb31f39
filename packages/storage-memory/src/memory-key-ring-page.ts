/** The first `limit` rows, a hundred unless said, that `isWanted`. */
export function pageOf<Row>(rows: readonly Row[], isWanted: (row: Row) => boolean, limit = 100): readonly Row[] {
  const page: Row[] = []
  for (const row of rows) {
    if (page.length >= limit) break
    if (isWanted(row)) page.push(row)
  }
  return page
}
