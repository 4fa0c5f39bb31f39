import { barePipe } from './bare-pipe.ts'
import { claudeGateway } from './claude-gateway.ts'
import { litellm } from './litellm.ts'
import { nginx } from './nginx.ts'
import type { Peer } from './peer.ts'
import { portkey } from './portkey.ts'
import { sluice } from './sluice.ts'
import { sluiceRuntimes } from './sluice-runtimes.ts'

/** Every gateway that this repository knows how to set up, in the order of reports. */
export const PEERS: readonly Peer[] = [sluice, ...sluiceRuntimes, claudeGateway, portkey, litellm, nginx, barePipe]
