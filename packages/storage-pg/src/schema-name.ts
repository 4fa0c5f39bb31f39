import { ConfigurationError } from '@sluice/core'

/** Defaults of `PgOptions`. */
export const defaultPgOptions: { readonly schema: string } = Object.freeze({ schema: 'sluice' })

/** @throws ConfigurationError for a schema that is no plain identifier */
export function validSchema(schema: string = defaultPgOptions.schema): string {
  if (/^[a-z_][a-z0-9_]{0,39}$/.test(schema) && !schema.startsWith('pg_')) return schema
  throw new ConfigurationError(
    'schema',
    `${JSON.stringify(schema)} cannot be a schema. Use up to 40 lower-case letters, digits and underscores, not starting with a digit or pg_.`,
  )
}

/** As SQL spells it: a plain identifier may still be a reserved word. */
export function quoted(schema: string): string {
  return `"${schema}"`
}
