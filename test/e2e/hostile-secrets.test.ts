import assert from 'node:assert/strict';
import { readFileSync, truncateSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { openDatabase } from '../../runtime/sqlite.ts';
import { startGatehouse } from '../support/gatehouse.ts';
import { type Answer, as, type RequestOptions, request } from '../support/http.ts';
import { logLines } from '../support/log-lines.ts';
import { pushImage } from '../support/push.ts';
import { fileScope } from '../support/scope.ts';
import { withToken } from '../support/token.ts';
import { attacksOn } from './hostile-attacks.ts';
import { basic, callsWith, carriersOf, commands, planted } from './hostile-secrets-planted.ts';
import { send, unlimited } from './hostile-support.ts';

const gatehouse = await startGatehouse(fileScope, {
  env: {
    ...unlimited,
    GATEHOUSE_LOG_LEVEL: 'debug',
    GATEHOUSE_AUTH_BCRYPT_COST: '8',
    GATEHOUSE_ADMIN_PASSWORD: planted.admin,
  },
});
const alice = await gatehouse.addUser('alice', planted.alice, [['team/**', 'pull,push,delete']]);
const image = await pushImage(alice, 'team/x', 'v1');
const token = (await withToken(alice, 'repository:team/x:pull,push')).headers!['authorization']!.slice(7);
const carriers = carriersOf(token);
const calls = callsWith(token, gatehouse.host);
const secrets = secretsOf();
const answers: string[] = [];
const printed: string[] = [];

/** What nobody may read anywhere: what was planted, in every form that is sent, and what the data directory hides. */
function secretsOf(): Record<string, string> {
  const encoded = Object.entries(planted).flatMap(([name, secret]) => [
    [name, secret],
    [`${name}, escaped`, encodeURIComponent(secret)],
    [`${name}, Basic`, Buffer.from(`alice:${secret}`).toString('base64')],
    [`${name} of admin, Basic`, Buffer.from(`admin:${secret}`).toString('base64')],
  ]);
  const users = openDatabase(join(gatehouse.data, 'users.db'));
  const hashes = users.prepare<[], { hash: string }>('SELECT password_hash AS hash FROM accounts').all();
  const keys = users.prepare<[], { jwk: string }>('SELECT jwk FROM signing_keys').all();
  users.close();
  const pem = (file: string) => readFileSync(join(gatehouse.data, 'certs', file), 'utf8').split('\n')[3]!;
  return {
    ...Object.fromEntries(encoded),
    token,
    'signature of the token': token.split('.')[2]!,
    ...Object.fromEntries(hashes.map(({ hash }, index) => [`hash ${index}`, hash])),
    ...Object.fromEntries(keys.map(({ jwk }, index) => [`signing key ${index}`, JSON.parse(jwk).d])),
    'server key': pem('server.key'),
    'CA key': pem('ca.key'),
  };
}

function leaksIn(text: string): string[] {
  return Object.keys(secrets).filter((name) => text.includes(secrets[name]!));
}

/** Of what a program is made; no answer tells. */
const internals = [
  /node:internal/,
  /\bat .+\.[jt]s:\d+/,
  // As SQL is written here: `Pragma` is a header, too.
  /\b(SELECT|INSERT|UPDATE|PRAGMA)\b/,
  /sqlite|no such table/i,
  /\.sock\b|\b(ENOENT|EACCES|ECONN[A-Z]+)\b/,
  /\.\$?2[aby]\$|registry\.db|users\.db/,
];

function internalsIn(text: string): string[] {
  const paths = [gatehouse.data, resolve(import.meta.dirname, '../..')];
  return [
    ...paths.filter((path) => text.includes(path)),
    ...internals.map(String).filter((_, at) => internals[at]!.test(text)),
  ];
}

async function ask(options: RequestOptions): Promise<Answer> {
  const answer = await request(as(gatehouse), options);
  const head = Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}`);
  const isToken = answer.status === 200 && options.path?.startsWith('/token');
  answers.push([answer.status, ...head, isToken ? '' : answer.text].join('\n'));
  return answer;
}

test('requests of every kind', async (t) => {
  for (const headers of carriers) {
    for (const options of calls) await ask({ ...options, headers: { ...headers, ...options.headers } });
  }
  const lines = `GET /v2/ HTTP/1.1\r\nHost: ${token.slice(0, 40)}.example\r\nConnection: close\r\n\r\n`;
  answers.push((await send(t, gatehouse, lines)).all);
  for (const [, , bytes] of attacksOn(gatehouse)) {
    if (bytes.length < 50_000) answers.push((await send(t, gatehouse, bytes)).all);
  }
  const statuses = new Set(answers.map((answer) => Number(/^(?:HTTP\/1.1 )?(\d+)/.exec(answer)?.[1])));
  for (const status of [200, 202, 400, 401, 403, 404, 405, 414, 417, 421])
    assert.ok(statuses.has(status), `no ${status}`);
  assert.deepEqual(
    answers.filter((answer) => answer.startsWith('500')),
    [],
  );
  const stacks = logLines(gatehouse).filter((line) => JSON.stringify(line).includes('"stack"'));
  assert.deepEqual(stacks, [], 'what clients do wrong is no error of ours');
});

test('commands, and such that are called with a password where none belongs', async () => {
  for (const [args, input] of commands) {
    const { stdout, stderr } = await gatehouse.cli(args, { input: input ?? '' });
    printed.push(`${args.slice(0, 2).join(' ')}\n${stdout}\n${stderr}`);
  }
  const environment = { GATEHOUSE_ADMIN_PASSWORD: planted.admin, GATEHOUSE_LOG_LEVEL: planted.admin };
  const { stdout, stderr } = await gatehouse.cli(['config', 'show'], {
    env: { ...environment, GATEHOUSE_LOG_LEVEL: 'info' },
  });
  printed.push(stdout + stderr);
});

test('no process shows a secret in its arguments, none of the three in its environment', () => {
  const children = gatehouse.children();
  assert.ok(children.length >= 3);
  for (const pid of [gatehouse.pid, ...children.map((child) => child.pid)]) {
    assert.deepEqual(leaksIn(readFileSync(`/proc/${pid}/cmdline`, 'utf8')), []);
  }
  for (const { pid, commandLine } of children) {
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
    assert.ok(environment.includes('PATH='), commandLine);
    assert.deepEqual(leaksIn(environment), [], commandLine);
  }
});

test('answers of what is broken: a damaged blob, a database without a table, a core that dies', async () => {
  const headers = { authorization: basic('alice', planted.alice) };
  const layer = image.layers[0]!;
  const [algorithm = '', hex = ''] = layer.digest.split(':');
  const folder = join(gatehouse.data, 'blobs', algorithm, hex.slice(0, 2));
  const file = (await readdir(folder)).find((entry) => entry.startsWith(hex))!;
  truncateSync(join(folder, file), 1);
  assert.equal((await ask({ path: `/v2/team/x/blobs/${layer.digest}`, headers })).status, 404);
  const registry = openDatabase(join(gatehouse.data, 'registry.db'));
  registry.exec('ALTER TABLE tags RENAME TO tags_elsewhere');
  registry.close();
  for (const path of ['/v2/team/x/tags/list', '/v2/team/x/manifests/v1']) {
    const { status, json } = await ask({ path, headers });
    assert.deepEqual([status, json.errors], [500, [{ code: 'INTERNAL', message: 'internal error' }]]);
  }
  process.kill(gatehouse.pidOf('core'), 'SIGKILL');
  const { status } = await ask({ path: '/v2/team/x/blobs/uploads/', method: 'POST', body: 'x', headers });
  assert.ok([202, 503].includes(status), String(status));
});

test('the audit trail has what happened, and no secret', async () => {
  const trail = await gatehouse.cliOk(['audit', '--json', '-n', '0']);
  for (const action of ['login', 'login.failed', 'push', 'denied', 'user.add', 'user.password']) {
    assert.ok(trail.includes(`"action":"${action}"`), action);
  }
  assert.deepEqual(leaksIn(trail), []);
});

test('nothing of all that is a secret', () => {
  const log = gatehouse.stderr() + gatehouse.stdout();
  const requests = logLines(gatehouse).filter(({ message }) => message === 'request');
  assert.ok(requests.length > carriers.length * calls.length, `only ${requests.length} requests were logged`);
  assert.ok(logLines(gatehouse).some(({ message }) => message === 'request failed'));
  assert.deepEqual(
    log.split('\n').flatMap((line) => leaksIn(line).map((name) => [name, line])),
    [],
  );
  assert.deepEqual(
    answers.flatMap((answer) => leaksIn(answer).map((name) => [name, answer])),
    [],
  );
  assert.deepEqual(
    printed.flatMap((output) => leaksIn(output).map((name) => [name, output])),
    [],
  );
});

test('no answer tells of what this program is made', () => {
  assert.deepEqual(
    answers.flatMap((answer) => internalsIn(answer).map((name) => [name, answer])),
    [],
  );
});
