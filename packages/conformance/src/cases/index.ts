import type { ConformanceCase } from '../case.ts'
import { ABORTS } from './aborts.ts'
import { AUTHENTICATION } from './authentication.ts'
import { BACK_PRESSURE } from './back-pressure.ts'
import { BUDGETS } from './budgets.ts'
import { CLAUDE_CODE } from './claude-code.ts'
import { CONCURRENCY } from './concurrency.ts'
import { COUNT_TOKENS } from './count-tokens.ts'
import { ENCODINGS } from './encodings.ts'
import { DOCUMENT_REPLIES } from './documents.ts'
import { ERRORS_OF_UPSTREAM } from './errors.ts'
import { GATEWAY_PROTOCOL } from './gateway-protocol.ts'
import { HEARTBEAT } from './heartbeat.ts'
import { HTTP } from './http.ts'
import { MODELS } from './models.ts'
import { OTHER_ENDPOINTS } from './other-endpoints.ts'
import { REQUEST_BYTES } from './request-bytes.ts'
import { REQUEST_HEADERS } from './request-headers.ts'
import { RESPONSE_BYTES } from './response-bytes.ts'
import { RESPONSE_HEADERS } from './response-headers.ts'
import { RETRY_MANNERS } from './retries.ts'
import { SIZES_OF_BODIES } from './sizes.ts'
import { SMUGGLED } from './smuggling.ts'
import { STREAMING } from './streaming.ts'
import { THINKING_AND_TOOLS } from './thinking-and-tools.ts'
import { UPSTREAM_FAULTS } from './upstream-faults.ts'

/** Every case of the suite. Ids are unique. */
export const CASES: readonly ConformanceCase[] = [
  ...REQUEST_BYTES,
  ...REQUEST_HEADERS,
  ...RESPONSE_BYTES,
  ...DOCUMENT_REPLIES,
  ...RESPONSE_HEADERS,
  ...STREAMING,
  ...ERRORS_OF_UPSTREAM,
  ...UPSTREAM_FAULTS,
  ...ABORTS,
  ...RETRY_MANNERS,
  ...HEARTBEAT,
  ...BACK_PRESSURE,
  ...SIZES_OF_BODIES,
  ...ENCODINGS,
  ...COUNT_TOKENS,
  ...MODELS,
  ...OTHER_ENDPOINTS,
  ...CLAUDE_CODE,
  ...THINKING_AND_TOOLS,
  ...AUTHENTICATION,
  ...SMUGGLED,
  ...HTTP,
  ...CONCURRENCY,
  ...BUDGETS,
  ...GATEWAY_PROTOCOL,
]
