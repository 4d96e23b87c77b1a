import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Agent, request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { startGatehouse } from '../support/gatehouse.ts';
import { fileScope } from '../support/scope.ts';
import { attacksOn } from './hostile-attacks.ts';
import { send, unlimited } from './hostile-support.ts';

const gatehouse = await startGatehouse(fileScope, { env: unlimited });
const repetitions = 10_000;
const clients = 8;
/** A leak grows with every round, a heap that finds its size does not. */
const maxRounds = 4;

interface Call {
  path: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

const credentials = `Basic ${Buffer.from(`admin:${gatehouse.adminPassword}`).toString('base64')}`;
const upload = '/v2/a/blobs/uploads/00000000-0000-4000-8000-000000000000';
/** Refused on a connection that goes on; `at` makes every one another. */
const calls: ((at: number) => Call)[] = [
  (at) => ({ path: `/v2/a${at}%2f..%2fb/tags/list` }),
  (at) => ({ path: `/v2/a${at}/../../etc/passwd` }),
  (at) => ({ path: `/v2/x/y${at}/manifests/none` }),
  (at) => ({ path: `/v2/_catalog?n=${at}&n=2` }),
  (at) => ({ path: `/v2/_catalog?${`p${at}&`.repeat(1000)}` }),
  (at) => ({ path: `/${`${at}`.repeat(2000)}`.slice(0, 9000) }),
  (at) => ({ path: '/v2/', headers: { host: `h${at}.example` } }),
  (at) => ({ path: '/v2/', headers: { authorization: `Bearer ${at}.b.c` } }),
  (at) => ({ path: `/token?scope=repository:a${at}:pull,${'x'.repeat(100)}` }),
  (at) => ({ path: '/v2/', headers: { expect: `miracle ${at}` } }),
  (at) => ({ path: '/v2/', headers: { connection: `x-${at}, keep-alive`, [`x-${at}`]: 'y'.repeat(1000) } }),
  (at) => ({ path: upload, method: 'PATCH', headers: { 'content-range': `${at}-1` }, body: 'abcde' }),
  (at) => ({ path: `/v2/a/manifests/m${at}`, method: 'PUT', body: '['.repeat(20_000) }),
  (at) => ({ path: `/v2/a/manifests/m${at}`, method: 'PUT', body: `{"__proto__":{"a":${at}}}` }),
  (at) => ({ path: `/v2/a/manifests/m${at}`, method: 'DELETE' }),
  (at) => ({ path: `/v2/`, method: at % 2 === 0 ? 'TRACE' : 'PROPFIND' }),
];
/** Refused by closing the connection; the large ones are sent once each in `hostile.test.ts`. */
const closing = attacksOn(gatehouse).filter(([, , bytes]) => bytes.length < 30_000);
const agent = new Agent({ keepAlive: true, maxSockets: clients, ca: gatehouse.ca });

async function call({ path, method = 'GET', headers, body = '' }: Call): Promise<void> {
  const length = String(Buffer.byteLength(body));
  const sent = httpsRequest(gatehouse.origin, {
    agent,
    servername: 'localhost',
    path,
    method,
    headers: { authorization: credentials, 'content-length': length, ...headers },
  });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  sent.once('response', (answer) => void text(answer).then(resolve, reject)).once('error', reject);
  sent.end(body);
  await promise;
}

/** Every tenth on a connection of its own, the others on a few that stay. */
async function round(scope: Parameters<typeof send>[0], count: number): Promise<void> {
  let next = 0;
  const client = async () => {
    for (let at = next++; at < count; at = next++) {
      const [, , bytes] = closing[Math.floor(at / 10) % closing.length]!;
      if (at % 10 === 0) await send(scope, gatehouse, bytes);
      else await call(calls[at % calls.length]!(at));
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
}

/** KiB. */
type Memory = Record<'gateway' | 'core', number>;

/** Of the processes that clients reach. */
function residentMemory(): Memory {
  const of = (name: 'gateway' | 'core') =>
    Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${gatehouse.pidOf(name)}/status`, 'utf8'))![1]);
  return { gateway: of('gateway'), core: of('core') };
}

const skip = process.platform === 'linux' ? false : 'needs /proc';

test('memory is flat over 10,000 attacks', { skip, timeout: 500_000 }, async (t) => {
  // A heap that is used finds its size in the first tens of thousands of requests.
  await round(t, 2 * repetitions);
  const seen = [residentMemory()];
  let isFlat = false;
  for (let rounds = 0; rounds < maxRounds && !isFlat; rounds++) {
    await round(t, repetitions);
    seen.push(residentMemory());
    const [before, after] = seen.slice(-2) as [Memory, Memory];
    isFlat = after.gateway <= 1.1 * before.gateway && after.core <= 1.1 * before.core;
  }
  agent.destroy();
  t.diagnostic(`resident KiB after each ${repetitions}: ${JSON.stringify(seen)}`);
  assert.ok(isFlat, `it grows with every ${repetitions} attacks: ${JSON.stringify(seen)}`);
});
