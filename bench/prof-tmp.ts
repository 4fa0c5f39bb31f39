import { claudeCodeBody, Load } from './load.ts'
import { startChild } from './processes/child.ts'
import { fork } from 'node:child_process'
const up = await startChild('upstream.ts')
const kb = Number(process.argv[2] ?? 350)
const child = fork(new URL('./processes/sluice-tmp.ts', import.meta.url).pathname, [`http://127.0.0.1:${up.port}`, 'crc32'], { execArgv: ['--conditions=sluice-source','--expose-gc','--cpu-prof','--cpu-prof-dir=/tmp/prof'] , stdio:['ignore','inherit','inherit','ipc']})
const port = await new Promise<number>(r=>child.once('message',(m:any)=>r(m.port)))
const load = new Load(port, 16)
await load.run(5000, 16, claudeCodeBody(kb*1024), 300)
child.kill('SIGTERM'); setTimeout(()=>{up.stop(); process.exit(0)}, 2500)
