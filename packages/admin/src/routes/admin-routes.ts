import { z } from 'zod'
import type { OpenapiDocument } from '../openapi.ts'
import { route, type Route } from '../route.ts'
import type { AdminParts } from '../stores.ts'
import { auditRoutes } from './audit-routes.ts'
import { budgetQuestionRoutes } from './budget-question-routes.ts'
import { budgetRoutes } from './budget-routes.ts'
import { chargebackRoutes } from './chargeback-routes.ts'
import { explainRoutes } from './explain-routes.ts'
import { keyRoutes } from './key-routes.ts'
import { limitRoutes } from './limit-routes.ts'
import { policyRoutes } from './policy-routes.ts'
import { reportRoutes } from './report-routes.ts'
import { scopeRoutes } from './scope-routes.ts'
import { whatIfRoutes } from './what-if-routes.ts'

/** Every route of the admin API. */
export function adminRoutes(parts: AdminParts, openapi: () => OpenapiDocument): readonly Route[] {
  return [
    ...scopeRoutes(parts),
    ...keyRoutes(parts),
    ...budgetRoutes(parts),
    ...budgetQuestionRoutes(parts),
    ...limitRoutes(parts),
    ...auditRoutes(parts),
    ...reportRoutes(parts),
    ...chargebackRoutes(parts),
    ...policyRoutes(parts),
    ...explainRoutes(parts),
    ...whatIfRoutes(parts),
    route({
      name: 'openapi',
      method: 'GET',
      path: 'openapi.json',
      about: 'This API as an OpenAPI 3.1 document.',
      answer: z.looseObject({ openapi: z.string(), paths: z.looseObject({}) }),
      handle: () => Promise.resolve({ body: openapi() }),
    }),
  ]
}
