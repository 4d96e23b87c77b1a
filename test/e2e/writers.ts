import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { request, type Target } from '../support/http.ts';
import {
  describeBlob,
  digestOf,
  OCI_CONFIG,
  OCI_LAYER,
  OCI_MANIFEST,
  pushBlob,
  pushManifest,
} from '../support/push.ts';
import { onEnd, type Scope } from '../support/scope.ts';

const WRITERS = 3;
const RETRY_PAUSE_MS = 50;

export interface Writers {
  /** Resolves when so many more images are stored. */
  wrote(images: number): Promise<void>;
  /** How often a push had to be tried again. */
  retries(): number;
  /** Lets them finish what they are at. */
  stop(): Promise<void>;
  /** Pulls everything that was ever answered 201. */
  assertNothingLost(target: Target): Promise<void>;
}

/** Pushes small images without a pause, each again until it is stored, and writes down what was acknowledged. */
export function startWriters(scope: Scope, target: Target, repository: string): Writers {
  const acknowledged = new Map<string, string>();
  const waiting: Array<{ images: number; resolve: () => void }> = [];
  let retries = 0;
  let images = 0;
  let stopping = false;
  const write = async () => {
    while (!stopping) {
      const bytes = randomBytes(20_000);
      while (!(await tryPush(target, repository, bytes, acknowledged))) {
        if (stopping) return;
        retries++;
        // There is no event to wait for: the server is not there.
        await delay(RETRY_PAUSE_MS);
      }
      images++;
      for (const { resolve } of waiting.filter((entry) => entry.images <= images)) resolve();
    }
  };
  const writers = Promise.all(Array.from({ length: WRITERS }, write));
  writers.catch(() => {});
  // A test that fails must not leave them trying for ever.
  onEnd(scope, () => {
    stopping = true;
  });
  return {
    wrote: (more) =>
      Promise.race([
        new Promise<void>((resolve) => waiting.push({ images: images + more, resolve })),
        // They end early only with an error.
        writers.then(() => {}),
      ]),
    retries: () => retries,
    async stop() {
      stopping = true;
      await writers;
    },
    assertNothingLost: (from) => pullAll(from, acknowledged),
  };
}

/** @returns false when it failed for a reason that a client tries again for. */
async function tryPush(
  target: Target,
  repository: string,
  layer: Buffer,
  acknowledged: Map<string, string>,
): Promise<boolean> {
  const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', layer: digestOf(layer) }));
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: describeBlob(OCI_CONFIG, config),
      layers: [describeBlob(OCI_LAYER, layer)],
    }),
  );
  try {
    for (const blob of [config, layer]) {
      const digest = await pushBlob(target, repository, blob);
      acknowledged.set(digest, `/v2/${repository}/blobs/${digest}`);
    }
    const digest = await pushManifest(target, repository, `t${digestOf(layer).slice(7, 19)}`, manifest);
    acknowledged.set(digest, `/v2/${repository}/manifests/${digest}`);
    return true;
  } catch (error) {
    // Of a failed check of the status this is the status; of a broken connection it is nothing.
    const status = (error as { actual?: unknown }).actual;
    if (typeof status === 'number') assert.ok(status >= 500, error as Error);
    return false;
  }
}

async function pullAll(target: Target, acknowledged: Map<string, string>): Promise<void> {
  assert.ok(acknowledged.size > 0, 'nothing was ever pushed');
  for (const [digest, path] of acknowledged) {
    const answer = await request(target, { path });
    assert.equal(answer.status, 200, `${path} was acknowledged: ${answer.text.slice(0, 300)}`);
    assert.equal(digestOf(answer.body), digest, path);
  }
}
