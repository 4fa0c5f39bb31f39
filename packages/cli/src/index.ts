/**
 * The `sluice` command, and what a configuration file imports.
 *
 * @packageDocumentation
 */
export { defineConfig, type AdminTokenConfig, type SluiceConfig, type SluiceConfigExport } from './start/config-file.ts'
export { runCommandLine } from './command-line.ts'
export { processTerminal, type Style, type Terminal } from './terminal.ts'
