import { auditLogContract } from '@sluice/core/testing'
import { describe, test } from 'vitest'
import { memoryAuditLog } from './memory-audit-log.ts'

describe('the audit log contract', () => {
  for (const { name, run } of auditLogContract({ create: async () => memoryAuditLog() })) test(name, run)
})
