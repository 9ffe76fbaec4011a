import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommandError } from '../kernel/errors.ts'
import { Guard, isPublic } from './outgoing-guard.ts'

const single = new Guard({ hosts: ['*'], privateHosts: ['git.internal:3000'], ports: [80, 443, 8065] })
/** With a network, whether a name may have another port is known once it has been looked up. */
const guard = new Guard({
  hosts: ['*'],
  privateHosts: ['jira.internal', 'git.internal:3000', '10.1.0.0/16', '[fd00::7]:8065'],
  ports: [80, 443, 8065],
})

const PRIVATE = 'must be, and lead to, a public one; the operator of this server can allow others'

function refusal(url: string, by = guard): string {
  try {
    by.check(url, 'url')
  } catch (error) {
    assert.ok(error instanceof CommandError && error.kind === 'invalid')
    return error.details!['url']!
  }
  return 'none'
}

test('A13 whatever a private address is written as, it is refused', () => {
  const hosts = [
    ...['127.0.0.1', '127.1', '127.0.1', '0x7f000001', '0x7f.1', '0177.0.0.1', '2130706433', '127.0.0.1.'],
    ...['127。0。0。1', '①②⑦.0.0.1', '１２７.0.0.1', 'localhost', 'localhost.', 'LOCALHOST', 'a.localhost', 'ｌocalhost'],
    ...['0.0.0.0', '0', '169.254.169.254', '0xa9fea9fe', '10.0.0.1', '172.16.0.1', '192.168.1.1', '100.64.0.1'],
    ...['192.0.2.1', '198.18.0.1', '224.0.0.1', '240.0.0.1', '255.255.255.255', '[::]', '[::1]', '[::127.0.0.1]'],
    ...['[::ffff:127.0.0.1]', '[::ffff:7f00:1]'],
    ...['[64:ff9b::127.0.0.1]', '[64:ff9b:1::1]', '[2002:7f00:1::]', '[2001:0:7f00:1::]', '[fe80::1]', '[fc00::1]'],
    ...['[fec0::1]', '[ff02::1]', '[2001:db8::1]', '[100::1]', '[0:0:0:0:0:ffff:a9fe:a9fe]', '[4000::1]'],
  ]
  for (const host of hosts) assert.equal(refusal(`https://${host}/`), PRIVATE, host)
})

test('A13 only http and https, without user information, blanks and control characters, on allowed ports', () => {
  for (const url of ['file:///etc/passwd', 'gopher://a.example/', 'ftp://a.example', 'data:,a', 'javascript:1']) {
    assert.equal(refusal(url), 'must begin with https://, or http:// where the operator allows it', url)
  }
  for (const url of ['https://a@b.example', 'https://:b@c.example', 'https://good.example@127.0.0.1/']) {
    assert.equal(refusal(url), 'must have no user name or password in it', url)
  }
  const blanks = ['https://a.example/\r\nHost: b', 'https://a.example/\u0000', ' https://a.example', 'https://a.ex\tample']
  for (const url of blanks) {
    assert.equal(refusal(url), 'must have no spaces or control characters', JSON.stringify(url))
  }
  for (const url of ['', 'a.example', '//a.example', 'https://', 'https://[::1', 'https://1.2.3.999']) {
    assert.equal(refusal(url), 'must be a web address, like https://example.com', url)
  }
  for (const port of [22, 25, 3000, 6379]) {
    assert.match(refusal(`https://a.example:${port}`, single), /^must have one of the ports 80, 443, 8065$/)
  }
  assert.equal(refusal('http://a.example', single), 'must begin with https://: this host is public')
  const { href } = guard.check('https://Bücher.example.:8065/x?y#z', 'url')
  assert.equal(href, 'https://xn--bcher-kva.example:8065/x?y#z')
})

test('what the operator named may be private and plain http, on any port where none is named', () => {
  const named = ['http://jira.internal', 'http://JIRA.internal.:11434', 'http://git.internal:3000']
  for (const url of [...named, 'https://10.1.2.3', 'http://10.1.2.3:9000', 'http://[fd00::7]:8065']) {
    assert.equal(refusal(url), 'none', url)
  }
  assert.match(refusal('http://git.internal:3001', single), /one of the ports/)
  assert.match(refusal('http://git.internal', single), /must begin with https/, 'it was named with another port')
  assert.equal(refusal('https://10.2.0.1'), PRIVATE)
  assert.equal(refusal('https://[fd00::7]'), PRIVATE, 'it was named with another port')
})

test('names may be limited to those of a list', () => {
  const hosts = ['api.example.com', '*.example.org']
  const limited = new Guard({ hosts, privateHosts: ['jira.internal'], ports: [443] })
  for (const host of ['api.example.com', 'API.example.com.', 'a.example.org', 'a.b.example.org', 'jira.internal']) {
    assert.equal(refusal(`https://${host}`, limited), 'none', host)
  }
  const others = ['example.com', 'www.example.com', 'example.org', 'aexample.org', 'api.example.com.evil.net', '8.8.8.8']
  for (const host of others) {
    assert.match(refusal(`https://${host}`, limited), /must be of a host that the operator/, host)
  }
})

test('entries that cannot be read are named', () => {
  for (const entry of ['a:b', 'a:1:2:zz', 'http://a', '10.0.0.0/33', '']) {
    const make = (): Guard => new Guard({ hosts: [], privateHosts: [entry], ports: [] })
    assert.throws(make, (error) => error instanceof Error && error.message.startsWith(`"${entry}" is not `))
  }
  for (const host of ['*.*.example.com', '*example.com', 'https://example.com', 'example.com/a', '']) {
    assert.throws(() => new Guard({ hosts: [host], privateHosts: [], ports: [] }), / is not the name of a host$/, host)
  }
})

test('public are the addresses that everybody on the internet may have', () => {
  for (const address of ['8.8.8.8', '2606:4700::1111', '::ffff:8.8.8.8']) assert.ok(isPublic(address), address)
  for (const address of ['', 'example.com', 'fe80::1%eth0', '2606:4700::1111%1', '::8.8.8.8']) {
    assert.ok(!isPublic(address), address)
  }
})
