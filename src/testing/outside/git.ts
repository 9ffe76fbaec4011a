import { execFile, execFileSync, spawn } from 'node:child_process'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/**
 * A Git server: git's own `git http-backend` behind a door with Basic authentication, on loopback. Followed are the
 * pages "git-http-backend" (the environment of the program and what it answers), "gitprotocol-http" (addresses, kinds
 * of content, 401 before a name and a password) and "githooks" (pre-receive) of git's documentation, git-scm.com/docs.
 */
export interface GitServer {
  readonly port: number
  /** Of a repository that is made when it is not there. */
  url(repository: string): string
  /** Whom it lets in; nobody else. */
  readonly username: string
  readonly token: string
  /** Everything asked of it, in order. */
  readonly requests: readonly GitRequest[]
  /** Runs git in a repository of the server. @returns what it prints */
  git(repository: string, ...args: readonly string[]): string
  /** Clones as a person would, into a folder that goes with the server. @returns its path */
  clone(repository: string): Promise<string>
  /** Commits a file in a clone and pushes it, as a person would. */
  commit(clone: string, file: string, content: string): Promise<void>
  /** A hook of a repository: a shell script. */
  hook(repository: string, name: 'pre-receive' | 'update' | 'post-receive', script: string): void
  /** Answers the next request by this instead; false: as it would have. */
  answer(next: (request: GitRequest, response: ServerResponse) => boolean | Promise<boolean>): void
  close(): Promise<void>
}

export interface GitRequest {
  readonly method: string
  /** With the query. */
  readonly path: string
  readonly headers: IncomingMessage['headers']
  /** Bytes of its body that have come. */
  bytes: number
}

/** No setting of the machine's or of a person's; nobody is asked for a password. */
const ENVIRONMENT = {
  PATH: process.env['PATH'],
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
  GIT_AUTHOR_NAME: 'Somebody',
  GIT_AUTHOR_EMAIL: 'somebody@example.com',
  GIT_COMMITTER_NAME: 'Somebody',
  GIT_COMMITTER_EMAIL: 'somebody@example.com',
}

/** @throws Error when git is not installed */
export function runGit(folder: string, ...args: readonly string[]): string {
  return execFileSync('git', ['-C', folder, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: ENVIRONMENT,
  })
}

export async function gitServer({ username = 'git', token = 'glpat-s3cret' } = {}): Promise<GitServer> {
  const folder = mkdtempSync(join(tmpdir(), 'git-server-'))
  const requests: GitRequest[] = []
  const answers: Parameters<GitServer['answer']>[0][] = []
  const made = new Set<string>()
  const credentials = `Basic ${Buffer.from(`${username}:${token}`).toString('base64')}`
  let clones = 0

  const server = createServer((incoming, response) => {
    const { method = 'GET', url: path = '/', headers } = incoming
    const request: GitRequest = { method, path, headers, bytes: 0 }
    requests.push(request)
    void serve(incoming, request, response).catch(() => response.destroy())
  })
  const serve = async (incoming: IncomingMessage, request: GitRequest, response: ServerResponse): Promise<void> => {
    const body: Buffer[] = []
    for await (const chunk of incoming) {
      body.push(chunk as Buffer)
      request.bytes += (chunk as Buffer).length
    }
    if (await answers.shift()?.(request, response)) return
    if (request.headers.authorization !== credentials) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="Git"' }).end('Unauthorized\n')
      return
    }
    backend(folder, username, request, Buffer.concat(body), response)
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo

  /** Git as a client of this server; not at once, since the server is in this process. */
  const calling = async (path: string, ...args: readonly string[]): Promise<void> => {
    const header = ['-c', `http.extraHeader=Authorization: ${credentials}`]
    await promisify(execFile)('git', ['-C', path, ...header, ...args], { env: ENVIRONMENT })
  }
  const pathOf = (repository: string): string => {
    const path = join(folder, `${repository}.git`)
    if (!made.has(repository)) {
      made.add(repository)
      runGit(folder, 'init', '--quiet', '--bare', '--initial-branch=main', path)
      runGit(path, 'config', 'http.receivepack', 'true')
      runGit(path, 'config', 'transfer.fsckObjects', 'true')
    }
    return path
  }
  const urlOf = (repository: string): string => {
    pathOf(repository)
    return `http://127.0.0.1:${port}/${repository}.git`
  }
  return {
    port,
    username,
    token,
    requests,
    url: urlOf,
    git: (repository, ...args) => runGit(pathOf(repository), ...args),
    clone: async (repository) => {
      clones += 1
      const path = join(folder, `clone-${clones}`)
      await calling(folder, 'clone', '--quiet', '--', urlOf(repository), path)
      return path
    },
    commit: async (clone, file, content) => {
      writeFileSync(join(clone, file), content)
      runGit(clone, 'add', '--', file)
      runGit(clone, 'commit', '--quiet', '-m', `Somebody changes ${file}`)
      await calling(clone, 'push', '--quiet', 'origin', 'HEAD:main')
    },
    hook: (repository, name, script) => {
      const hooks = join(pathOf(repository), 'hooks')
      mkdirSync(hooks, { recursive: true })
      writeFileSync(join(hooks, name), `#!/bin/sh\n${script}\n`)
      chmodSync(join(hooks, name), 0o755)
    },
    answer: (next) => void answers.push(next),
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** One request, as a CGI program is given it. */
function backend(
  folder: string,
  username: string,
  { method, path, headers }: GitRequest,
  body: Buffer,
  response: ServerResponse,
): void {
  const { pathname, search } = new URL(path, 'http://localhost')
  const env = {
    ...ENVIRONMENT,
    GIT_PROJECT_ROOT: folder,
    GIT_HTTP_EXPORT_ALL: '1',
    GIT_PROTOCOL: String(headers['git-protocol'] ?? ''),
    PATH_INFO: decodeURIComponent(pathname),
    QUERY_STRING: search.slice(1),
    REQUEST_METHOD: method,
    CONTENT_TYPE: headers['content-type'] ?? '',
    CONTENT_LENGTH: String(body.length),
    HTTP_CONTENT_ENCODING: headers['content-encoding'] ?? '',
    REMOTE_USER: username,
    REMOTE_ADDR: '127.0.0.1',
  }
  const program = spawn('git', ['http-backend'], { env, stdio: ['pipe', 'pipe', 'ignore'] })
  const output: Buffer[] = []
  program.stdout.on('data', (chunk: Buffer) => output.push(chunk))
  // It may have answered before it has read everything.
  program.stdin.on('error', () => undefined)
  program.on('error', () => response.destroy())
  program.on('close', () => relay(Buffer.concat(output), response))
  program.stdin.end(body)
}

/** Lines of the header, a blank one, the body; `Status` where it is not 200. */
function relay(output: Buffer, response: ServerResponse): void {
  const end = output.indexOf('\r\n\r\n')
  if (end < 0) {
    response.writeHead(500).end()
    return
  }
  for (const line of output.toString('latin1', 0, end).split('\r\n')) {
    const [name, value] = line.split(': ', 2) as [string, string]
    if (name.toLowerCase() === 'status') response.statusCode = Number.parseInt(value, 10)
    else response.setHeader(name, value)
  }
  response.end(output.subarray(end + 4))
}
