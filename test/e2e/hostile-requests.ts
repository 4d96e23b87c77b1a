import { type Attack, close, type Parts } from './hostile-support.ts';

const session = '00000000-0000-4000-8000-000000000000';

/** HTTP as it should be, with contents that are not. */
export function requestAttacks(parts: Parts): Attack[] {
  return [targets, hosts, sizes, ranges, bodies].flatMap((table) => table(parts));
}

function targets({ head, host }: Parts): Attack[] {
  const refused: [status: number, targets: string[]][] = [
    [
      400,
      ['/v2/a/../../b/tags/list', '/v2/a/%2e%2e/tags/list', '/v2/%252e%252e/tags/list', '/v2/a/./tags/list'],
    ],
    [400, ['/v2/a%2f..%2fb/tags/list', '/v2/a%2Fb/tags/list', '/v2/a%252fb/tags/list', '/v2//a/tags/list']],
    [400, ['/v2/a%00/tags/list', '/v2/a%5cb/tags/list', '/v2/a\\b/tags/list', '/v2/a%0d%0aX:%20y/tags/list']],
    [
      400,
      [
        '/v2/%c0%ae%c0%ae/tags/list',
        '/v2/a%c0%afb/tags/list',
        '/v2/%e0%80%af/tags/list',
        '/v2/a\xff/tags/list',
      ],
    ],
    [
      400,
      [
        '/v2/%u0061/tags/list',
        '/v2/%/tags/list',
        '/v2/a b/tags/list',
        '/v2/a;b/tags/list',
        '/v2/a/tags/list#x',
      ],
    ],
    [400, ['http://evil.example/v2/', `https://u:p@${host}/v2/`, `http://${host}/v2/`, '*', 'v2/', '?', '#']],
    [400, ['/v2/__proto__/tags/list', '/v2/a/blobs/uploads/../../../b/blobs/uploads/', '/v2/A/tags/list']],
    [
      404,
      [
        '/v2/../etc/passwd',
        '//v2/a/tags/list',
        '/V2/a/tags/list',
        '/%76%32/_catalog',
        '/v2/a/tags/list%3fn=1',
      ],
    ],
    [404, ['/healthz/../v2/_catalog', '/token/../v2/_catalog', '/v2/a/manifests/%2e%2e', '/v2/a/tags/list/']],
    [
      404,
      [
        '/v2/a/blobs/uploads/%2e%2e',
        '/v2/constructor/tags/list',
        '/..%2f..%2fetc/passwd',
        '/v2/a/blobs/sha256:..',
      ],
    ],
    [
      400,
      [
        '/v2/_catalog?n=-1',
        '/v2/_catalog?n=1.5',
        '/v2/_catalog?n=0x10',
        '/v2/_catalog?n=1e3',
        '/v2/_catalog?n=',
      ],
    ],
    [
      400,
      ['/v2/_catalog?n=1&n=1', '/v2/_catalog?last=a&%6cast=b', '/token?service=&service=', '/token?scope=x'],
    ],
  ];
  return refused.flatMap(([status, list]) =>
    list.map(
      (target): Attack => [
        `target ${JSON.stringify(target)}`,
        status,
        `GET ${target} HTTP/1.1\r\n${head}${close}\r\n`,
      ],
    ),
  );
}

function hosts({ host, credentials }: Parts): Attack[] {
  const bad = [
    `u@${host}`,
    `u:p@${host}`,
    `${host}@evil.example`,
    `${host}/v2/`,
    `${host}?x`,
    `${host}#`,
    'localhost:99999',
  ];
  bad.push(
    'localhost:-1',
    'localhost:',
    'localhost:1:2',
    'localhost, evil.example',
    '[::1',
    '::1',
    '[cafe]',
    '[127.0.0.1]',
  );
  bad.push(
    '127.1',
    '0x7f.0.0.1',
    '2130706433',
    'localhost\0',
    '*.localhost',
    '',
    'l\xf6calhost',
    'localhost%00',
    'a b',
  );
  const get = (lines: string) => `GET /v2/ HTTP/1.1\r\n${lines}${credentials}${close}\r\n`;
  return [
    ...bad.map((name): Attack => [`host ${JSON.stringify(name)}`, 400, get(`Host: ${name}\r\n`)]),
    ['a foreign host', 421, get('Host: evil.example\r\n')],
    ['no host', 400, get('')],
    ['two hosts', 400, get(`Host: ${host}\r\nHost: evil.example\r\n`)],
    ['the same host twice', 400, get(`Host: ${host}\r\nHost: ${host}\r\n`)],
    ['another host behind a forwarded one', 421, get(`Host: evil.example\r\nX-Forwarded-Host: ${host}\r\n`)],
  ];
}

function sizes({ head }: Parts): Attack[] {
  const get = (target: string, more = '') => `GET ${target} HTTP/1.1\r\n${head}${more}${close}\r\n`;
  const tags = Array.from({ length: 900 }, (_, index) => `tag=t${index}`).join('&');
  return [
    ['a header of 20 KB', 431, get('/v2/', `X: ${'x'.repeat(20_000)}\r\n`)],
    ['a header name of 20 KB', 431, get('/v2/', `${'x'.repeat(20_000)}: y\r\n`)],
    ['3,000 headers', 431, get('/v2/', 'a:\r\n'.repeat(3000))],
    ['a target of 9 KB', 414, get(`/v2/${'x'.repeat(9000)}`)],
    ['a target of 1 MB', 431, get(`/v2/${'x'.repeat(1_000_000)}`)],
    ['10,000 parameters', 431, get(`/v2/_catalog?${'a=1&'.repeat(10_000)}`)],
    ['as many parameters as fit, one of them twice', 400, get(`/v2/_catalog?n=1&${'a&'.repeat(4000)}n=1`)],
    [
      '900 tags',
      414,
      `PUT /v2/a/manifests/sha256:${'a'.repeat(64)}?${tags} HTTP/1.1\r\n${head}${close}Content-Length: 0\r\n\r\n`,
    ],
    [
      'credentials of 12 KB',
      401,
      `GET /v2/ HTTP/1.1\r\n${head.replace(/Basic .*/, `Basic ${'QUFB'.repeat(3000)}`)}${close}\r\n`,
    ],
    [
      'a token of 12 KB of brackets',
      401,
      `GET /v2/ HTTP/1.1\r\n${head.replace(/Basic .*/, `Bearer ${'W1tb'.repeat(3000)}.W10.W10`)}${close}\r\n`,
    ],
  ];
}

function ranges({ head }: Parts): Attack[] {
  const patch = (range: string) =>
    `PATCH /v2/a/blobs/uploads/${session} HTTP/1.1\r\n${head}${close}Content-Range: ${range}\r\nContent-Length: 5\r\n\r\nabcde`;
  const bad = [
    '0-99999999999999999999',
    '9007199254740992-9007199254740993',
    '5-1',
    '-5',
    '0--1',
    'a-b',
    '0-1e3',
    '0.5-1',
  ];
  bad.push('0-4/3', '0-4,5-6', '18446744073709551615-18446744073709551616', '', '0x0-0x4');
  return [
    ...bad.map((range): Attack => [`Content-Range ${JSON.stringify(range)}`, 400, patch(range)]),
    ['Content-Range twice', 400, patch('0-4\r\nContent-Range: 0-4')],
    ['a chunk of no session', 404, patch('0-4')],
  ];
}

/** JSON that costs more to read than it cost to write. */
function bodies({ head }: Parts): Attack[] {
  const type = 'application/vnd.oci.image.manifest.v1+json';
  const put = (body: string) =>
    `PUT /v2/a/manifests/x HTTP/1.1\r\n${head}${close}Content-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const many = (count: number, entry: (index: number) => string) =>
    Array.from({ length: count }, (_, at) => entry(at)).join();
  const digest = `"digest":"sha256:${'a'.repeat(64)}","size":1`;
  const manifest = (more: string) => put(`{"schemaVersion":2,"config":{${digest}},${more}}`);
  return [
    ['4 MB of brackets', 400, put('['.repeat(2_000_000) + ']'.repeat(2_000_000))],
    ['4 MB of opening brackets', 400, put('['.repeat(4_000_000))],
    ['600,000 objects in each other', 400, put('{"a":'.repeat(600_000) + '}'.repeat(600_000))],
    [
      'brackets in a field that nobody reads',
      400,
      manifest(`"x":${'['.repeat(1_900_000)}${']'.repeat(1_900_000)}`),
    ],
    ['300,000 keys', 400, put(`{${many(300_000, (at) => `"k${at}":0`)}}`)],
    [
      '300,000 annotations',
      400,
      manifest(`"layers":[],"annotations":{${many(290_000, (at) => `"k${at}":""`)}}`),
    ],
    ['100,000 layers', 400, manifest(`"layers":[${many(100_000, () => '{"size":0}')}]`)],
    ['30,000 layers', 400, manifest(`"layers":[${many(30_000, () => `{${digest}}`)}]`)],
    [
      '20,000 layers that are not there',
      400,
      manifest(
        `"layers":[${many(20_000, (at) => `{"digest":"sha256:${String(at).padStart(64, '0')}","size":1}`)}]`,
      ),
    ],
    [
      'an artifact type of a megabyte',
      400,
      manifest(`"layers":[],"artifactType":"${'x'.repeat(1_000_000)}"`),
    ],
    [
      '`__proto__` in every place',
      400,
      put(`{"__proto__":{"schemaVersion":2,"config":{${digest}},"layers":[]},"constructor":{}}`),
    ],
    ['a number of a million digits', 400, put(`{"schemaVersion":${'9'.repeat(1_000_000)}}`)],
    ['no UTF-8', 400, put('\xff'.repeat(100_000))],
    ['a byte order mark', 400, put('\xef\xbb\xbf{}')],
    ['5 MB', 413, put(`"${'x'.repeat(5_000_000)}"`)],
  ];
}
