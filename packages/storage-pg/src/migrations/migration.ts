/** One step of the schema. */
export interface Migration {
  /** 1, 2, 3 without a gap. */
  readonly version: number
  readonly name: string
  /** The oldest version of this package, by the last migration it knows, that can live with the database after this one. */
  readonly minReader: number
  /** Several statements, run in one transaction. `{s}` stands for the schema. */
  readonly sql: string
}
