import { type Attack, close, type Parts } from './hostile-support.ts';

/** What is no HTTP, or HTTP that two readers may understand in two ways. */
export function framingAttacks(parts: Parts): Attack[] {
  return [framing, codings, chunks, lines, versions, methods].flatMap((table) => table(parts));
}

/** Two readers that disagree where a body ends (RFC 9112 section 11.2). */
function framing({ head, hidden }: Parts): Attack[] {
  const post = (headers: string, body: string) =>
    `POST /v2/a/blobs/uploads/ HTTP/1.1\r\n${head}${headers}\r\n${body}`;
  const lengths = [
    '-1',
    '+5',
    '0x5',
    '5.0',
    '1e1',
    '5 5',
    '',
    '5;',
    '5, 5',
    '99999999999999999999',
    '18446744073709551616',
    '\xb2',
  ];
  return [
    [
      'length, then chunks',
      400,
      post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${hidden}`),
    ],
    [
      'chunks, then length',
      400,
      post('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', `0\r\n\r\n${hidden}`),
    ],
    ['two lengths', 400, post('Content-Length: 5\r\nContent-Length: 0\r\n', hidden)],
    ['the same length twice', 400, post('Content-Length: 5\r\nContent-Length: 5\r\n', 'abcde')],
    ['space before the colon', 400, post(`Content-Length : 5\r\n${close}`, 'abcde')],
    ...lengths.map(
      (length): Attack => [
        `length ${JSON.stringify(length)}`,
        400,
        post(`Content-Length: ${length}\r\n`, hidden),
      ],
    ),
    ['a body of a GET', 400, `GET /v2/ HTTP/1.1\r\n${head}${close}Content-Length: 0\r\n\r\n${hidden}`],
  ];
}

function codings({ head }: Parts): Attack[] {
  const post = (headers: string, version = '1.1') =>
    `POST /v2/a/blobs/uploads/ HTTP/${version}\r\n${head}${close}${headers}\r\n0\r\n\r\n`;
  const names = [
    'xchunked',
    'chunked, identity',
    'identity',
    'chunked, chunked',
    'gzip',
    'chunked;q=1',
    '"chunked"',
    '\x0bchunked',
    'chunked\0',
    '',
  ];
  return [
    ...names.map(
      (name): Attack => [
        `transfer coding ${JSON.stringify(name)}`,
        400,
        post(`Transfer-Encoding: ${name}\r\n`),
      ],
    ),
    ['transfer coding gzip, chunked', 501, post('Transfer-Encoding: gzip, chunked\r\n')],
    [
      'transfer codings in two headers',
      501,
      post('Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n'),
    ],
    [
      'chunked, then identity in another header',
      400,
      post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n'),
    ],
    ['space before the colon of a coding', 400, post('Transfer-Encoding : chunked\r\n')],
    ['a coding under a name with an underscore', 400, post('Transfer_Encoding: chunked\r\n')],
    ['a folded coding', 400, post('Transfer-Encoding:\r\n chunked\r\n')],
    ['chunks in HTTP/1.0', 400, post('Transfer-Encoding: chunked\r\n', '1.0')],
  ];
}

function chunks({ head, hidden }: Parts): Attack[] {
  const post = (body: string) =>
    `POST /v2/a/blobs/uploads/ HTTP/1.1\r\n${head}${close}Transfer-Encoding: chunked\r\n\r\n${body}`;
  return [
    ['a negative chunk', 400, post('-1\r\na\r\n0\r\n\r\n')],
    ['a chunk size with 0x', 400, post('0x1\r\na\r\n0\r\n\r\n')],
    ['a chunk size beyond 64 bits', 400, post('1ffffffffffffffff\r\na\r\n0\r\n\r\n')],
    ['a chunk longer than its size', 400, post(`1\r\na${hidden}0\r\n\r\n`)],
    ['chunks with bare LF', 400, post('1\na\n0\n\n')],
    ['LF in a chunk extension', 400, post(`1;a\n${hidden}\r\na\r\n0\r\n\r\n`)],
    ['a chunk extension of 20 KB', 413, post(`1;${'x'.repeat(20_000)}\r\na\r\n0\r\n\r\n`)],
    ['framing in trailers', 400, post('0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n')],
    ['120 KB of trailers', 431, post(`0\r\n${'X: y\r\n'.repeat(20_000)}\r\n`)],
    ['a request after the last chunk', 400, post(`0\r\n\r\n${hidden}`)],
  ];
}

function lines({ head, host, credentials }: Parts): Attack[] {
  return [
    ['a folded header', 400, `GET /v2/ HTTP/1.1\r\n${head}X-A: a\r\n b\r\n${close}\r\n`],
    ['a folded Host', 400, `GET /v2/ HTTP/1.1\r\nHost:\r\n ${host}\r\n${credentials}${close}\r\n`],
    [
      'bare LF everywhere',
      400,
      `GET /v2/ HTTP/1.1\nHost: ${host}\n${credentials.trim()}\nConnection: close\n\n`,
    ],
    [
      'bare LF after one header',
      400,
      `GET /v2/ HTTP/1.1\r\nHost: ${host}\nX: y\r\n${credentials}${close}\r\n`,
    ],
    ['bare LF for the empty line', 400, `GET /v2/ HTTP/1.1\r\n${head}${close}\n`],
    ['bare CR', 400, `GET /v2/ HTTP/1.1\r\n${head}X: a\rY: b\r\n${close}\r\n`],
    ['NUL in a header', 400, `GET /v2/ HTTP/1.1\r\n${head}X: a\0b\r\n${close}\r\n`],
    ['NUL in a header name', 400, `GET /v2/ HTTP/1.1\r\n${head}X\0: a\r\n${close}\r\n`],
    ['space before the first header', 400, `GET /v2/ HTTP/1.1\r\n ${head}${close}\r\n`],
    ['a header without a colon', 400, `GET /v2/ HTTP/1.1\r\n${head}nothing\r\n\r\n`],
    ['two Authorizations', 400, `GET /v2/ HTTP/1.1\r\n${head}${credentials}${close}\r\n`],
    ['no HTTP', 405, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['noise', 405, Buffer.from(Array.from({ length: 2000 }, (_, index) => (index * 7919 + 200) % 256))],
  ];
}

function versions({ head, hidden }: Parts): Attack[] {
  const get = (version: string, more = '') => `GET /v2/ HTTP/${version}\r\n${head}${close}${more}\r\n`;
  return [
    ['HTTP/0.9', 400, 'GET /v2/\r\n\r\n'],
    ['HTTP/1.0 without Host', 400, 'GET /v2/ HTTP/1.0\r\n\r\n'],
    ['HTTP/1.2', 400, get('1.2')],
    ['HTTP/2.0', 400, get('2.0')],
    ['HTTP/9.9', 400, get('9.9')],
    ['the preface of HTTP/2', 400, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['an expectation that nobody meets', 417, get('1.1', 'Expect: 200-ok\r\n')],
    [
      'an upgrade to HTTP/2, and what would follow',
      400,
      get('1.1', 'Upgrade: h2c\r\nHTTP2-Settings: AAM\r\n') + hidden,
    ],
  ];
}

function methods({ head, hidden }: Parts): Attack[] {
  const ask = (line: string) => `${line} HTTP/1.1\r\n${head}${close}\r\n`;
  return [
    ['TRACE', 405, ask('TRACE /v2/')],
    ['TRACE with Max-Forwards', 404, `TRACE /v2/x HTTP/1.1\r\n${head}${close}Max-Forwards: 0\r\n\r\n`],
    ['CONNECT', 405, `CONNECT evil.example:443 HTTP/1.1\r\n${head}\r\n${hidden}`],
    ['CONNECT of a path', 405, `CONNECT /v2/ HTTP/1.1\r\n${head}\r\n${hidden}`],
    ['OPTIONS *', 400, ask('OPTIONS *')],
    ['a method that nobody knows', 405, ask('FOO /v2/')],
    ['a method in lower case', 405, ask('get /v2/')],
    ['17 requests at once', 'closed', `GET /v2/ HTTP/1.1\r\n${head}\r\n`.repeat(17) + hidden],
  ];
}
