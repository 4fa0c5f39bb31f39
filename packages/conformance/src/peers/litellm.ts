import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, startChild } from './child-process.ts'
import { pythonInstalled } from './install.ts'
import type { Peer } from './peer.ts'

const version = '1.108.7'
const key = 'sk-conformance-litellm-0123456789'
const upstreamKey = 'sk-ant-conformance-upstream-0123456789'

/** LiteLLM's proxy, from PyPI. */
export const litellm: Peer = {
  id: 'litellm',
  title: 'LiteLLM',
  about: 'litellm[proxy] from PyPI with one worker, every model sent to one Anthropic upstream, a master key, no database.',
  start: async (options) => {
    const environment = pythonInstalled(`litellm[proxy]==${version}`, options)
    const folder = mkdtempSync(join(tmpdir(), 'sluice-litellm-'))
    const config = join(folder, 'config.yaml')
    writeFileSync(config, configOf(options.upstreamUrl))
    const port = await freePort()
    const child = startChild({
      program: join(environment, 'bin/litellm'),
      args: ['--config', config, '--host', '127.0.0.1', '--port', String(port), '--num_workers', '1', '--telemetry', 'False'],
      env: { HOME: folder, LITELLM_LOCAL_MODEL_COST_MAP: 'True', LITELLM_LOG: 'ERROR' },
      cwd: folder,
    })
    await child.listensOn(port, 120_000)
    return {
      name: litellm.title,
      version,
      url: `http://127.0.0.1:${port}`,
      key,
      upstreamKey,
      pid: child.pid,
      complaints: child.complaints,
      stop: async () => {
        await child.stop()
        rmSync(folder, { recursive: true, force: true })
      },
    }
  },
}

function configOf(upstreamUrl: string): string {
  return `model_list:
  - model_name: "*"
    litellm_params:
      model: "anthropic/*"
      api_base: ${upstreamUrl}
      api_key: ${upstreamKey}
general_settings:
  master_key: ${key}
`
}
