import assert from 'node:assert/strict';
import { rename } from 'node:fs/promises';
import http, { type IncomingHttpHeaders } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { rightNeeded } from '../../gateway/access.ts';
import { type Endpoint, formatEndpoint, parseEndpoint } from '../../oci/endpoints.ts';
import { listenOnSocket } from '../../runtime/control.ts';
import { readMessages } from '../../runtime/messages.ts';
import type { ReadQuestion } from '../../runtime/read-messages.ts';
import { formatContext, internalHeaders, parseContext } from '../../runtime/request-context.ts';
import { endpoint as anyEndpoint, digest } from '../property/support.ts';
import { fileScope, onEnd } from '../support/scope.ts';
import { basic, raw, startCore, startFakeCore, startGateway } from './support.ts';

const limit = '1000000/1m';
const settings = { 'limits.address_requests': limit, 'limits.account_requests': limit };
const gateway = await startGateway(fileScope, settings);
await startCore(fileScope, gateway.data);
/** What reaches the core of a request, by HTTP or as a message. */
interface Heard {
  method?: string | undefined;
  url?: string | undefined;
  headers: IncomingHttpHeaders;
}

const heard: Heard[] = [];
await listenInFrontOfTheCore();
await listenToMessages();

/** Where the core is, its socket having been moved from there. */
async function moved(name: string): Promise<string> {
  const place = join(gateway.data, 'run', `real-${name}`);
  await rename(join(gateway.data, 'run', name), place);
  return place;
}

/** Between the two processes, on the core's own socket: whatever reaches the core is heard here first. */
async function listenInFrontOfTheCore(): Promise<void> {
  const socketPath = await moved('core.sock');
  await startFakeCore(fileScope, gateway.data, (request, response) => {
    heard.push(request);
    const { method, url, headers } = request;
    const onward = http.request({ socketPath, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    });
    request.pipe(onward.on('error', () => response.destroy()));
  });
}

/** The same on the socket for messages. */
async function listenToMessages(): Promise<void> {
  const socketPath = await moved('core-messages.sock');
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const onward = connect(socketPath);
    sockets.add(socket);
    readMessages(socket, 1_000_000, ({ head }) => {
      const { method, target: url, headers, context } = head as ReadQuestion;
      heard.push({ method, url, headers: { ...headers, [internalHeaders.context]: formatContext(context) } });
    });
    socket.pipe(onward).pipe(socket);
    socket.on('error', () => onward.destroy());
    onward.on('error', () => socket.destroy());
  });
  await listenOnSocket(server, join(gateway.data, 'run', 'core-messages.sock'));
  onEnd(fileScope, () => {
    for (const socket of sockets) socket.destroy();
    return new Promise((done) => server.close(done));
  });
}

/** Names on both sides of what alice may: she has pull and push in `team/**`, and all in `alice/**`. */
const name = fc.constantFrom(
  'team/x',
  'team/tags/list',
  'team/x/blobs',
  'alice/x',
  'secret/x',
  'team',
  'teams/x',
);
const endpoint = fc.tuple(anyEndpoint, name, name).map(([wanted, repository, from]): Endpoint => {
  const named = 'repository' in wanted ? { ...wanted, repository } : wanted;
  return 'from' in named && named.from !== undefined ? { ...named, from } : named;
});

const escaped = (character: string) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
const splices = [
  ...[
    '/',
    '//',
    '/./',
    '/../',
    '/..',
    '/%2e%2e/',
    '/%2E%2E%2f',
    '%2f',
    '%2F',
    '%5c',
    '\\',
    '%252f',
    '%00',
    '\0',
  ],
  ...[
    '%c0%af',
    '%c0%ae',
    '%e2%80%ae',
    '%u002f',
    '%',
    ';',
    ';x=/',
    '?',
    '%3f',
    '&',
    '#',
    '%23',
    ' ',
    '+',
    '\x7f',
    '\xe9',
  ],
  ...[
    'team/x',
    'secret/x',
    '/manifests/v1',
    '/blobs/uploads/',
    '/tags/list',
    '?n=1',
    '&n=1',
    '&from=secret/x',
    '&tag=b',
  ],
];
/** Changes to a target, at a place in it; places count from its start and wrap around. */
const change = fc.oneof(
  fc.record({ do: fc.constant('escape' as const), at: fc.nat(400), text: fc.constant('') }),
  fc.record({ do: fc.constant('insert' as const), at: fc.nat(400), text: fc.constantFrom(...splices) }),
  fc.record({ do: fc.constant('replace' as const), at: fc.nat(400), text: fc.constantFrom(...splices) }),
  fc.record({ do: fc.constant('upper' as const), at: fc.nat(400), text: fc.constant('') }),
);

function changed(target: string, { do: what, at, text }: { do: string; at: number; text: string }): string {
  const place = at % target.length;
  const [before, character, after] = [target.slice(0, place), target[place]!, target.slice(place + 1)];
  if (what === 'insert') return before + text + character + after;
  if (what === 'replace') return before + text + after;
  return before + (what === 'escape' ? escaped(character) : character.toUpperCase()) + after;
}

const target = fc.tuple(endpoint, fc.array(change, { maxLength: 3 })).map(([wanted, changes]) => ({
  method: wanted.method as string,
  target: changes.reduce(changed, formatEndpoint(wanted)),
}));
const method = fc.constantFrom('GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE');

/** What a plain client or proxy would make of a path: decoded once, its query off. */
function plainPath(text: string): string {
  return decodeURIComponent(text.split('?')[0]!).replace(/\/$/, '');
}

function understood(verb: string, text: string): Endpoint | undefined {
  try {
    return parseEndpoint(verb, text);
  } catch {
    return undefined;
  }
}

async function isAllowed(wanted: Endpoint): Promise<boolean> {
  const right = rightNeeded(wanted);
  if (!right) return true;
  const { action, repository } = right;
  return (await gateway.admin.can('alice', action, repository)).allowed;
}

/** A mount from what alice may not pull is an upload like any other. */
async function asPassedOn(wanted: Endpoint): Promise<Endpoint> {
  if (wanted.kind !== 'uploads') return wanted;
  const { mount, from, ...upload } = wanted;
  if (mount === undefined) return upload;
  const mayPull = from === undefined || (await gateway.admin.can('alice', 'pull', from)).allowed;
  return mayPull ? wanted : upload;
}

async function drive(verb: string, text: string): Promise<{ status: number; reached: Heard[] }> {
  heard.length = 0;
  const lines = `Host: ${gateway.host}\r\nAuthorization: ${basic('alice')}\r\nContent-Length: 0\r\n`;
  const hop = 'X-Hop: 1\r\nX-Gatehouse-Context: forged\r\nConnection: close, x-hop, x-gatehouse-context\r\n';
  const received = await raw(gateway.port, `${verb} ${text} HTTP/1.1\r\n${lines}${hop}\r\n`);
  return { status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(received)?.[1]), reached: [...heard] };
}

async function compare(verb: string, sent: string): Promise<'passed on' | 'refused'> {
  const { status, reached } = await drive(verb, sent);
  // Spaces around it are none of the target (RFC 9112 section 3 lets a reader take several for one).
  const text = sent.replace(/^ +| +$/g, '');
  const asked = understood(verb, text);
  if (!asked || !(await isAllowed(asked))) {
    assert.equal(
      reached.length,
      0,
      `${status}, and yet the core got ${reached[0]?.method} ${reached[0]?.url}`,
    );
    const isOwn = ['/', '/token', '/healthz'].includes(text.split('?')[0]!);
    assert.ok(status >= 400 || verb === 'OPTIONS' || isOwn, `${status}`);
    return 'refused';
  }
  assert.equal(reached.length, 1, `${status}`);
  const [{ method: arrivedMethod, url = '', headers }] = reached as [Heard];
  assert.equal(arrivedMethod, verb);
  assert.deepEqual(understood(verb, url), await asPassedOn(asked));
  assert.equal(plainPath(url), plainPath(text), 'another reader would have understood something else');
  assert.match(url, /^(\/[a-zA-Z0-9._:-]+)+\/?(\?[\x21-\x7e]+)?$/);
  assert.doesNotMatch(url, /\/\.\.?(\/|\?|$)/);
  assert.equal(parseContext(headers).actor, 'alice');
  assert.equal(headers['x-hop'], undefined);
  return 'passed on';
}

test('what reaches the core is what was authorised, and nothing else does', {
  timeout: 120_000,
}, async () => {
  const seen = { 'passed on': 0, refused: 0 };
  const one = async (verb: string, text: string) => {
    seen[await compare(verb, text)]++;
  };
  await fc.assert(
    fc.asyncProperty(target, ({ method: verb, target: text }) => one(verb, text)),
    { numRuns: 1500, examples: ['/v2 ', ' /v2/'].map((spaced) => [{ method: 'GET', target: spaced }]) },
  );
  await fc.assert(
    fc.asyncProperty(target, method, ({ target: text }, verb) => one(verb, text)),
    { numRuns: 500 },
  );
  // Else the generator is no good.
  assert.ok(seen['passed on'] > 200 && seen.refused > 200, JSON.stringify(seen));
});

test('the core dispatches what arrived: its answers name what was authorised', async () => {
  await fc.assert(
    fc.asyncProperty(name, digest, async (repository, content) => {
      const opened = await raw(
        gateway.port,
        `POST /v2/${repository}/blobs/uploads/?mount=${content}&from=secret%2Fx HTTP/1.1\r\nHost: ${gateway.host}\r\n` +
          `Authorization: ${basic('admin')}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
      );
      assert.match(
        opened,
        new RegExp(`\r\nlocation: /v2/${repository}/blobs/uploads/[0-9a-f-]{36}\r\n`, 'i'),
      );
    }),
    { numRuns: 30 },
  );
});
