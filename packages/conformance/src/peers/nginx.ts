import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, startChild } from './child-process.ts'
import { NotHere, type Peer } from './peer.ts'

/** nginx from the distribution, set up as a careful operator would for streams. */
export const nginx: Peer = {
  id: 'nginx',
  title: 'nginx',
  about: 'From the distribution: proxy_pass with kept-alive upstream connections, buffering off both ways, bodies of any size.',
  start: async ({ upstreamUrl }) => {
    const path = `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin`
    const asked = spawnSync('nginx', ['-v'], { encoding: 'utf8', env: { PATH: path } })
    if (asked.status !== 0) throw new NotHere('nginx is not installed')
    const folder = mkdtempSync(join(tmpdir(), 'sluice-nginx-'))
    const port = await freePort()
    const config = join(folder, 'nginx.conf')
    writeFileSync(config, configOf(folder, port, new URL(upstreamUrl).host))
    const child = startChild({ program: 'nginx', args: ['-p', folder, '-c', config, '-e', join(folder, 'error.log')], env: { PATH: path } })
    await child.listensOn(port)
    return {
      name: nginx.title,
      version: /nginx\/([\d.]+)/.exec(asked.stderr)?.[1] ?? 'unknown',
      url: `http://127.0.0.1:${port}`,
      pid: child.pid,
      complaints: child.complaints,
      stop: async () => {
        await child.stop()
        rmSync(folder, { recursive: true, force: true })
      },
    }
  },
}

function configOf(folder: string, port: number, upstream: string): string {
  return `daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
events { worker_connections 16384; }
worker_rlimit_nofile 40000;
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  client_max_body_size 0;
  large_client_header_buffers 8 64k;
  keepalive_requests 1000000;
  upstream messages { server ${upstream}; keepalive 64; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://messages;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_request_buffering off;
      proxy_read_timeout 600s;
    }
  }
}
`
}
