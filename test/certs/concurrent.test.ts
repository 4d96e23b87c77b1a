import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { describeCertificate, ensureCertificates } from '../../certs/index.ts';
import { temporaryDirectory } from '../support/files.ts';
import { onEnd } from '../support/scope.ts';
import { assertSound, NAMES, readCertificate, snapshot } from './support.ts';

const CHILD = fileURLToPath(new URL('./concurrent-child.ts', import.meta.url));

/** Starts processes that have loaded everything, lets them go at once, and resolves to their answers. */
async function race(
  t: TestContext,
  jobs: [action: 'ensure' | 'renew', names: string[]][],
  directory: string,
) {
  const children = await Promise.all(
    jobs.map(async () => {
      const child = fork(CHILD, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
      onEnd(t, () => child.kill('SIGKILL'));
      await once(child, 'message');
      return child;
    }),
  );
  const answers = children.map((child) => answer(child));
  children.forEach((child, index) => {
    child.send({ action: jobs[index]![0], directory, names: jobs[index]![1] });
  });
  return Promise.all(answers);
}

async function answer(child: ChildProcess): Promise<{ created: boolean; reissued: boolean }> {
  const [message] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => assert.fail(`a process ended with ${code} and no answer`)),
  ]);
  return message as { created: boolean; reissued: boolean };
}

for (let round = 1; round <= 3; round++) {
  test(`of four first starts at once one makes the authority, and all serve it (${round})`, async (t) => {
    const directory = join(await temporaryDirectory(t), 'certs');
    const jobs = Array.from({ length: 4 }, () => ['ensure', NAMES] as ['ensure', string[]]);
    const answers = await race(t, jobs, directory);
    assert.equal(answers.filter((each) => each.created).length, 1);
    await assertSound(directory);
    const before = await snapshot(directory);
    assert.equal((await ensureCertificates({ directory, names: NAMES })).reissued, false);
    assert.deepEqual(await snapshot(directory), before);
  });

  test(`renewals and starts with new names at once leave a pair that matches (${round})`, async (t) => {
    const directory = join(await temporaryDirectory(t), 'certs');
    await ensureCertificates({ directory, names: NAMES });
    const authority = await readCertificate(directory, 'ca.crt');
    const more = [...NAMES, 'new.registry.example.test'];
    await race(
      t,
      [
        ['renew', more],
        ['ensure', more],
        ['renew', more],
        ['ensure', more],
      ],
      directory,
    );
    await assertSound(directory);
    assert.equal((await readCertificate(directory, 'ca.crt')).fingerprint256, authority.fingerprint256);
    assert.deepEqual(
      (await describeCertificate(join(directory, 'server.crt'))).names.sort(),
      [...more].sort(),
    );
  });
}
