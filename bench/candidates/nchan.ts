import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Candidate } from '../candidate.ts'
import { freePort, launch, scratch } from '../process.ts'
import { event } from '../sample.ts'

const binaries = (process.env['PATH'] ?? '').split(':').map((folder) => join(folder, 'nginx'))
const nginx = [...binaries, '/usr/sbin/nginx'].find((path) => existsSync(path))

/** What `nginx -V` prints (to stderr): version and build options. */
const build = (): string =>
  nginx === undefined ? '' : execFileSync('/bin/sh', ['-c', '"$0" -V 2>&1', nginx], { encoding: 'utf8' })

/** The module to load, '' when it is built in, `undefined` when there is none. */
const module = (): string | undefined => {
  if (nginx === undefined) return undefined
  const options = build()
  const folder = /--modules-path=(\S+)/.exec(options)?.[1] ?? '/usr/lib/nginx/modules'
  const file = join(folder, 'ngx_nchan_module.so')
  if (existsSync(file)) return file
  return options.includes('nchan') ? '' : undefined
}

/** Every scratch file lies in the folder given, none where an installed nginx would put it. */
const temporary = (folder: string): string =>
  ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')

const config = (folder: string, port: number): string => `
${module() === '' ? '' : `load_module ${module()};`}
${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
worker_processes 1;
pid ${folder}/pid;
error_log stderr warn;
events { worker_connections 18000; }
http {
  access_log off;
  ${temporary(folder)}
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  nchan_shared_memory_size 256M;
  server {
    listen 127.0.0.1:${port};
    location = /readyz { return 200; }
    location = /publish {
      nchan_publisher http;
      nchan_channel_id bench;
      nchan_message_buffer_length 1024;
      nchan_message_timeout 1m;
    }
    location = /subscribe {
      nchan_subscriber websocket;
      nchan_channel_id bench;
      nchan_subscriber_first_message newest;
    }
  }
}
`

export const nchan: Candidate = {
  name: 'nchan',
  about: 'nginx with the nchan module (C), one worker; keeps the last 1 024 messages in memory',
  durable: false,
  missing: () =>
    nginx === undefined
      ? 'nginx is not installed (Debian: nginx, libnginx-mod-nchan)'
      : module() === undefined
        ? 'nginx has no nchan module (Debian: libnginx-mod-nchan)'
        : undefined,
  version: () => `nginx ${/nginx\/(\S+)/.exec(build())?.[1] ?? 'unknown'}`,
  async start() {
    const { folder, remove } = scratch('nchan')
    const port = await freePort()
    const file = join(folder, 'nginx.conf')
    await writeFile(file, config(folder, port))
    try {
      const server = await launch(nginx!, ['-p', folder, '-c', file], {}, port, '/readyz')
      return {
        pid: server.pid,
        async stop() {
          await server.stop()
          remove()
        },
        target: {
          port,
          members: ['/subscribe'],
          join: [],
          prefix: '{"type":"comment"',
          publish: { kind: 'http', path: '/publish', headers: { 'Content-Type': 'application/json' }, ...event },
        },
      }
    } catch (error) {
      remove()
      throw error
    }
  },
}
