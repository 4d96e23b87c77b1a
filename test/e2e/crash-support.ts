import assert from 'node:assert/strict';
import { readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { PassThrough } from 'node:stream';
import { openDatabase } from '../../runtime/sqlite.ts';
import { eventually } from '../supervisor/support.ts';
import type { Gatehouse } from '../support/gatehouse.ts';
import { type Answer, request, type Target } from '../support/http.ts';
import { digestOf, expectStatus, withParameter } from '../support/push.ts';

// The core writes in pieces; what is in its memory is not on disk yet.
const PIECE_BYTES = 1024 * 1024;

export interface HeldUpload {
  digest: string;
  /** The path of the session. */
  location: string;
  /** What the server has said that it has. */
  acknowledgedBytes: number;
  /** Sends the rest; resolves with the answer to the upload. */
  finish(): Promise<Answer>;
  /** Waits for the upload to break off: by an error of the server, or without any answer. */
  broken(): Promise<void>;
}

/**
 * Uploads a quarter of a blob in a chunk of its own, starts on the rest, and resolves when half of the blob is on
 * the server's disk. What is missing then is held back.
 */
export async function holdUpload(
  { data, ...target }: Gatehouse,
  repository: string,
  bytes: Buffer,
): Promise<HeldUpload> {
  const digest = digestOf(bytes);
  const [quarter, half] = [Math.floor(bytes.length / 4), Math.floor(bytes.length / 2)];
  const opened = await request(target, { method: 'POST', path: `/v2/${repository}/blobs/uploads/` });
  expectStatus(opened, 202, 'opening an upload');
  const location = opened.headers.location!;
  const chunk = { method: 'PATCH', path: location, body: bytes.subarray(0, quarter) };
  expectStatus(await request(target, chunk), 202, 'the first chunk');
  const body = new PassThrough();
  body.write(bytes.subarray(quarter, half));
  const answer = request(target, { method: 'PUT', path: withParameter(location, 'digest', digest), body });
  // It is awaited later; a failure before that is no unhandled rejection.
  answer.catch(() => {});
  await uploadsReach(data, half - PIECE_BYTES);
  return {
    digest,
    location,
    acknowledgedBytes: quarter,
    finish: () => {
      body.end(bytes.subarray(half));
      return answer;
    },
    broken: async () => {
      const broken = await answer.catch(() => undefined);
      body.destroy();
      assert.ok(broken === undefined || broken.status >= 500, `answered ${broken?.status}`);
    },
  };
}

/** Resolves when an upload under way has so many bytes on the server's disk. */
export async function uploadsReach(data: string, bytes: number): Promise<void> {
  await eventually('an upload is under way', async () => {
    const files = await filesBelow(join(data, 'uploads'));
    // One may be renamed between the two calls.
    const sizes = files.map((file) =>
      stat(join(data, 'uploads', file)).then(
        ({ size }) => size,
        () => 0,
      ),
    );
    return (await Promise.all(sizes)).some((size) => size >= bytes);
  });
}

/** Continues a session as a client does that knows the protocol: asks how far it came, sends the rest. */
export async function resumeUpload(target: Target, upload: HeldUpload, bytes: Buffer): Promise<Answer> {
  const { location, digest, acknowledgedBytes } = upload;
  const asked = await request(target, { path: location });
  expectStatus(asked, 204, 'asking for the offset');
  const offset = Number(/^0-(\d+)$/.exec(asked.headers.range!)![1]) + 1;
  assert.ok(offset >= acknowledgedBytes && offset < bytes.length, `it goes on at ${offset}`);
  const path = withParameter(location, 'digest', digest);
  return request(target, { method: 'PUT', path, body: bytes.subarray(offset) });
}

export async function untilServing(target: Target): Promise<void> {
  await eventually('the registry serves again', async () => {
    // Through all of it: the answer comes from the core.
    const answer = await request(target, { path: '/v2/_catalog' }).catch(() => undefined);
    return answer?.status === 200;
  });
}

/** Collects until no lease holds anything back; then every file has a row, every row its file. */
export async function assertSettled(gatehouse: Gatehouse): Promise<void> {
  const uploads = join(gatehouse.data, 'uploads');
  await eventually('leases and upload sessions have run out', async () => {
    const report = JSON.parse(await gatehouse.cliOk(['gc', '--json']));
    assert.deepEqual(report.errors, []);
    return report.held_blobs === 0 && (await filesBelow(uploads)).length === 0;
  });
  const rows = readRegistry(gatehouse);
  assert.deepEqual([rows.integrity, rows.foreignKeys, rows.sessions, rows.doomed], ['ok', [], [], []]);
  assert.deepEqual(await filesBelow(join(gatehouse.data, 'blobs')), rows.keys);
}

export function readRegistry({ data }: Pick<Gatehouse, 'data'>) {
  const database = openDatabase(join(data, 'registry.db'));
  const column = (sql: string) => database.prepare(sql).pluck().all() as string[];
  try {
    return {
      integrity: database.pragma('integrity_check', { simple: true }),
      foreignKeys: database.pragma('foreign_key_check'),
      keys: column('SELECT storage_key FROM blobs WHERE storage_key IS NOT NULL').sort(),
      condemned: column("SELECT digest FROM blobs WHERE state = 'condemned'"),
      sessions: column('SELECT id FROM upload_sessions'),
      doomed: column('SELECT storage_key FROM doomed_keys'),
    };
  } finally {
    database.close();
  }
}

/** Names relative to the directory, in order. */
export async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map((entry) => relative(directory, join(entry.parentPath, entry.name))).sort();
}
