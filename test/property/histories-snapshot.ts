import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import type { Database } from '../../runtime/sqlite.ts';
import { hour } from '../gc/support.ts';
import type { Model } from './histories-model.ts';
import type { World } from './histories-world.ts';

/** What there is, one line each, in order: times are whole hours, and nothing takes an hour here. */
function linesOf(model: Model): string[] {
  const lines: string[] = [];
  for (const [name, { links, manifests, tags }] of model.repositories) {
    for (const [digest, leaseUntil] of links)
      lines.push(`${name} link ${digest}, lease ${leaseUntil - model.now} h`);
    for (const [tag, digest] of tags) lines.push(`${name} tag ${tag} ${digest}`);
    for (const { digest, leaseUntil, unheldSince } of manifests.values()) {
      const since = unheldSince === 'released' ? unheldSince : `${unheldSince - model.now} h`;
      lines.push(`${name} manifest ${digest}, lease ${leaseUntil - model.now} h, unheld since ${since}`);
    }
  }
  return lines.sort();
}

function linesOnDisk(database: Database): string[] {
  const now = Date.now();
  const hours = (at: number) => `${Math.round((at - now) / hour) || 0} h`;
  const rows = <Row>(sql: string) => database.prepare(sql).all() as Row[];
  const joined = 'JOIN repositories r ON r.id = t.repository_id';
  const links = rows<{ name: string; digest: string; leaseUntil: number }>(
    `SELECT name, t.digest, lease_until AS leaseUntil FROM links t ${joined}
     JOIN blobs b ON b.digest = t.digest AND b.state = 'present'`,
  );
  const tags = rows<{ name: string; tag: string; digest: string }>(
    `SELECT r.name, t.name AS tag, digest FROM tags t ${joined}`,
  );
  const manifests = rows<{ name: string; digest: string; leaseUntil: number; unheldSince: number }>(
    `SELECT name, digest, lease_until AS leaseUntil, unheld_since AS unheldSince FROM manifests t ${joined}`,
  );
  return [
    ...links.map(({ name, digest, leaseUntil }) => `${name} link ${digest}, lease ${hours(leaseUntil)}`),
    ...tags.map(({ name, tag, digest }) => `${name} tag ${tag} ${digest}`),
    ...manifests.map(({ name, digest, leaseUntil, unheldSince }) => {
      const since = unheldSince === 0 ? 'released' : hours(unheldSince);
      return `${name} manifest ${digest}, lease ${hours(leaseUntil)}, unheld since ${since}`;
    }),
  ].sort();
}

export function assertSame(database: Database, model: Model): void {
  assert.deepEqual(linesOnDisk(database), linesOf(model));
}

export function isSame(database: Database, model: Model): boolean {
  return linesOnDisk(database).join('\n') === linesOf(model).join('\n');
}

/** Files and rows name each other, nothing is half done, the database is sound. */
export async function assertSettled({ database, blobDirectory, uploadDirectory }: World): Promise<void> {
  const column = (sql: string) => database.prepare(sql).pluck().all() as string[];
  const unsettled = `SELECT digest FROM blobs WHERE state <> 'present' UNION SELECT id FROM upload_sessions
    UNION SELECT storage_key FROM doomed_keys
    UNION SELECT digest FROM blobs WHERE digest NOT IN (SELECT digest FROM links)`;
  assert.deepEqual(column(unsettled), []);
  const files = await readdir(blobDirectory, { recursive: true, withFileTypes: true });
  const names = files.filter((entry) => entry.isFile()).map(({ name }) => name);
  const keys = column('SELECT storage_key FROM blobs').map((key) => key.split('/').at(-1)!);
  assert.deepEqual(names.sort(), keys.sort());
  assert.deepEqual(await readdir(uploadDirectory), []);
  assert.equal(database.pragma('integrity_check', { simple: true }), 'ok');
  assert.deepEqual(database.pragma('foreign_key_check'), []);
}

/** Not a row, not a file of anything that was ever pushed. */
export function assertEmpty({ database }: World): void {
  for (const table of ['blobs', 'links', 'manifests', 'tags', 'repositories', 'review', 'doomed_keys']) {
    assert.deepEqual(database.prepare(`SELECT * FROM ${table}`).all(), [], table);
  }
}
