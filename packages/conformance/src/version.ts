/** This suite's name and version, as reports state them. The version is the package's. */
export const SUITE: { readonly name: string; readonly version: string } = { name: 'sluice-conformance', version: '0.1.0' }
