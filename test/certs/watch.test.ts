import assert from 'node:assert/strict';
import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  CertificateError,
  ensureCertificates,
  type KeyPair,
  loadKeyPair,
  renewServerCertificate,
  watchKeyPair,
} from '../../certs/index.ts';
import { temporaryDirectory } from '../support/files.ts';
import { onEnd } from '../support/scope.ts';
import { NAMES } from './support.ts';

type Report = KeyPair | CertificateError;

async function watched(t: TestContext) {
  const directory = await temporaryDirectory(t);
  const paths = await ensureCertificates({ directory, names: NAMES });
  const first = await loadKeyPair(paths);
  return { directory, paths, first, ...watching(t, paths, first) };
}

/** Every report in order, and a promise of each next one. */
function watching(t: TestContext, paths: { certificatePath: string; keyPath: string }, current?: KeyPair) {
  const reports: Report[] = [];
  let waiting: ((report: Report) => void) | undefined;
  const take = (report: Report) => {
    reports.push(report);
    waiting?.(report);
    waiting = undefined;
  };
  const watcher = watchKeyPair(paths, { ...(current && { current }), onChange: take, onError: take });
  // The watcher's timers keep no process alive, so the test has to.
  const alive = setInterval(() => {}, 60_000);
  onEnd(t, () => {
    watcher.close();
    clearInterval(alive);
  });
  const next = () =>
    new Promise<Report>((resolve) => {
      waiting = resolve;
    });
  return { reports, next };
}

test('a renewed pair is reported once, never the moment between key and certificate', async (t) => {
  const { directory, paths, first, next, reports } = await watched(t);
  const changed = next();
  await renewServerCertificate({ directory, names: NAMES });
  const pair = await changed;
  assert.deepEqual(pair, await loadKeyPair(paths));
  assert.notDeepEqual(pair, first);
  assert.deepEqual(reports, [pair]);
});

test('a bad pair is reported once per content, and the good one again when it is back', async (t) => {
  const { paths, first, next, reports } = await watched(t);
  const bad = async (change: () => Promise<void>) => {
    const reported = next();
    await change();
    const error = await reported;
    assert.ok(error instanceof CertificateError);
    return error.code;
  };
  assert.equal(await bad(() => writeFile(paths.certificatePath, 'damaged')), 'CERTIFICATE_UNREADABLE');
  assert.equal(await bad(() => writeFile(paths.keyPath, 'damaged too')), 'CERTIFICATE_UNREADABLE');
  assert.equal(await bad(() => writeFile(paths.certificatePath, first.cert)), 'KEY_UNREADABLE');
  assert.equal(await bad(() => rm(paths.keyPath)), 'CERTIFICATE_UNREADABLE');
  const back = next();
  await writeFile(paths.keyPath, first.key);
  assert.deepEqual(await back, first);
  assert.equal(reports.length, 5);
});

test('files reached through a link that is switched are seen', async (t) => {
  const directory = await temporaryDirectory(t);
  for (const name of ['one', 'two']) {
    await mkdir(join(directory, name));
    await ensureCertificates({ directory: join(directory, name), names: NAMES });
  }
  await symlink('one', join(directory, 'live'));
  const paths = {
    certificatePath: join(directory, 'live', 'server.crt'),
    keyPath: join(directory, 'live', 'server.key'),
  };
  const { next } = watching(t, paths);
  const changed = next();
  await symlink('two', join(directory, 'next'));
  await rename(join(directory, 'next'), join(directory, 'live'));
  assert.deepEqual(await changed, {
    cert: await readFile(join(directory, 'two', 'server.crt'), 'utf8'),
    key: await readFile(join(directory, 'two', 'server.key'), 'utf8'),
  });
});

test('a change between loading and watching is not lost', async (t) => {
  const directory = await temporaryDirectory(t);
  const paths = await ensureCertificates({ directory, names: NAMES });
  const current = await loadKeyPair(paths);
  await renewServerCertificate({ directory, names: NAMES });
  const { next } = watching(t, paths, current);
  assert.deepEqual(await next(), await loadKeyPair(paths));
});
