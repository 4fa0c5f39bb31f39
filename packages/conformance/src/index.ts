/**
 * A black-box conformance suite for any gateway in front of the Anthropic Messages API.
 *
 * @packageDocumentation
 */
export { GROUPS, SEVERITIES, type Capability, type CaseContext, type ConformanceCase, type Group, type Severity, type Verdict } from './case.ts'
export { totalsOf, type CaseReport, type SuiteReport, type Totals } from './report.ts'
export { runSuite, SUITE_DEFAULTS, type SuiteOptions } from './run-suite.ts'
export { capabilitiesOf, type AuthenticationHeader, type BudgetSetUp, type Target } from './target.ts'
export { startScriptedUpstream, type ScriptedUpstream, type ScriptedUpstreamOptions } from './upstream/scripted-upstream.ts'
export type { Lane, SeenRequest, UpstreamScript, UpstreamTurn } from './upstream/lane.ts'
export type { BodyEnd, ClientCall, ClientReply, ClientRequest } from './client/client-call.ts'
export type { RawConnection } from './client/raw-connection.ts'
export type { Header } from './headers.ts'
export { Unmet } from './unmet.ts'
export { SUITE } from './version.ts'
export { CASES } from './cases/index.ts'
export { GATEWAY_PROTOCOL_VERSION } from './cases/gateway-protocol.ts'
export { junitXml } from './reports/junit.ts'
export { knownLimitations, type LimitationReasons } from './reports/known-limitations.ts'
export { reportTable, totalsLine, type TableOptions } from './reports/table.ts'
