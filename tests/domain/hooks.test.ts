import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressProblem, type HookRules, maskHookUrl, readHookUrl } from '#domain/hooks.ts';

const STRICT: HookRules = { allowHttp: false, allowPrivate: false };
const OPEN: HookRules = { allowHttp: true, allowPrivate: true };
const read = (text: string, rules = STRICT) => readHookUrl(text, rules);

/** Addresses in one's own network, in every way of writing them that an answer of a name server may have. */
const PRIVATE = [
  '127.0.0.1',
  '127.255.255.254',
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '100.64.0.1',
  '100.127.255.255',
  '198.18.0.1',
  '::1',
  'fc00::1',
  'fd12:3456::1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '::ffff:10.0.0.1',
  '::ffff:c0a8:101',
  '0:0:0:0:0:ffff:0a00:0001',
];
/** Where no receiver stands, whatever is allowed. */
const NOWHERE = [
  '0.0.0.0',
  '0.1.2.3',
  '169.254.169.254',
  '169.254.170.2',
  '192.0.0.1',
  '192.0.2.1',
  '192.88.99.1',
  '198.51.100.1',
  '203.0.113.1',
  '224.0.0.1',
  '239.255.255.255',
  '240.0.0.1',
  '255.255.255.255',
  '100.100.100.200',
  '168.63.129.16',
  '::',
  '::127.0.0.1',
  '::7f00:1',
  '::ffff:169.254.169.254',
  '::ffff:a9fe:a9fe',
  '::ffff:0:127.0.0.1',
  '64:ff9b::7f00:1',
  '64:ff9b::8.8.8.8',
  '64:ff9b:1::1',
  '100::1',
  '2001::1',
  '2001:db8::1',
  '2002:7f00:1::',
  '3fff::1',
  'fe80::1',
  'fe80::1%eth0',
  'febf::1',
  'fec0::1',
  'ff02::1',
  'fd00:ec2::254',
  'fd20:ce::254',
  'not an address',
  '',
];
const PUBLIC = [
  '8.8.8.8',
  '93.184.215.14',
  '172.15.255.255',
  '172.32.0.1',
  '100.63.255.255',
  '100.128.0.1',
  '2606:4700::1111',
  '::ffff:8.8.8.8',
];

describe('addresses that are called', () => {
  it.each(PRIVATE)('%s only where the installation allows its own network', (address) => {
    expect(addressProblem(address, STRICT)).toContain('private network');
    expect(addressProblem(address, OPEN)).toBeNull();
  });
  it.each(NOWHERE)('"%s" never', (address) => {
    expect(addressProblem(address, STRICT)).not.toBeNull();
    expect(addressProblem(address, OPEN)).not.toBeNull();
  });
  it.each(PUBLIC)('%s always', (address) => {
    expect(addressProblem(address, STRICT)).toBeNull();
    expect(addressProblem(address, OPEN)).toBeNull();
  });

  it('says of an IPv4 address in IPv6 what it says of the address itself', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(addressProblem(`::ffff:${address}`, STRICT)).toBe(addressProblem(address, STRICT));
      }),
    );
  });
});

describe('a URL that is to be called', () => {
  it.each([
    ['https://example.com', 'https://example.com/'],
    [' https://EXAMPLE.com:443/Hook?a=1#part ', 'https://example.com/Hook?a=1'],
    ['https://bücher.example/x', 'https://xn--bcher-kva.example/x'],
    ['https://example.com:8443/x', 'https://example.com:8443/x'],
    ['https://93.184.215.14/x', 'https://93.184.215.14/x'],
  ])('%s is taken as %s', (typed, url) => expect(read(typed)).toEqual({ url, problem: null }));

  it.each([
    ['', 'empty'],
    ['example.com/hook', 'no web address'],
    ['http://example.com', 'Only https://'],
    ['ftp://example.com', 'Only https://'],
    ['javascript:alert(1)', 'Only https://'],
    ['file:///etc/passwd', 'Only https://'],
    ['https://user:pass@example.com', 'user name or password'],
    ['https://user@example.com', 'user name or password'],
    ['https://example.com:22', 'Port 22'],
    ['https://example.com:25', 'Port 25'],
    ['https://example.com:5432', 'Port 5432'],
    ['https://example.com:6379', 'Port 6379'],
    ['https://exa\tmple.com', 'no web address'],
    ['https://example.com/\r\nX: y', 'no web address'],
    [`https://example.com/${'x'.repeat(2000)}`, 'no web address'],
    ['https://localhost/x', 'private network'],
    ['https://LOCALHOST./x', 'private network'],
    ['https://app.localhost/x', 'private network'],
    ['https://printer/x', 'private network'],
    ['https://db.internal/x', 'private network'],
    ['https://nas.local./x', 'private network'],
    ['https://127.0.0.1/x', 'private network'],
    ['https://2130706433/x', 'private network'],
    ['https://0x7f.1/x', 'private network'],
    ['https://0177.0.0.1/x', 'private network'],
    ['https://127.1/x', 'private network'],
    ['https://①②⑦.⓪.⓪.①/x', 'private network'],
    ['https://[::1]/x', 'private network'],
    ['https://[::ffff:10.0.0.1]/x', 'private network'],
    ['https://169.254.169.254/latest', 'no web server outside'],
    ['https://[fd00:ec2::254]/latest', 'no web server outside'],
    ['https://[fd20:ce::254]/computeMetadata/v1/', 'no web server outside'],
    ['https://0/x', 'no web server outside'],
  ])('%j is refused: %s', (typed, problem) => {
    const result = read(typed);
    expect(result.url).toBeNull();
    expect(result.problem).toContain(problem);
  });

  it('may be http, and in one’s own network, where the installation says so', () => {
    expect(read('http://example.com/x', { ...STRICT, allowHttp: true }).url).toBe('http://example.com/x');
    expect(read('http://127.0.0.1:8080/x', { ...STRICT, allowHttp: true }).problem).toContain('private');
    expect(read('http://127.0.0.1:8080/x', OPEN).url).toBe('http://127.0.0.1:8080/x');
    expect(read('http://printer/x', OPEN).url).toBe('http://printer/x');
    expect(read('ftp://printer/x', OPEN).url).toBeNull();
    expect(read('http://169.254.169.254/x', OPEN).url).toBeNull();
  });

  it('comes back as it would be read again', () => {
    fc.assert(
      fc.property(
        fc.webUrl({ validSchemes: ['https'], withQueryParameters: true, withFragments: true }),
        (typed) => {
          const { url } = read(typed);
          if (url !== null) expect(read(url)).toEqual({ url, problem: null });
        },
      ),
    );
  });
});

it('shows of a chat’s address what its owner can tell it by, and nobody can write with', () => {
  expect(maskHookUrl('https://hooks.slack.com/services/T000/B000/abcdefghijkl')).toBe(
    'https://hooks.slack.com/…ijkl',
  );
  expect(maskHookUrl('https://example.com/')).toBe('https://example.com/');
  expect(maskHookUrl('https://example.com/short')).toBe('https://example.com/…');
  expect(maskHookUrl('nonsense')).toBe('…');
});
