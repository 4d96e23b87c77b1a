import { createHash, createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { join } from 'node:path';
import { type Admin, openAdmin } from '../../gateway/admin.ts';
import { type Identity, openIdentity } from '../../gateway/identity/index.ts';
import { loadConfig } from '../../runtime/config.ts';
import type { Config, ConfigName } from '../../runtime/config-schema.ts';
import type { Log } from '../../runtime/log.ts';
import { openDatabase } from '../../runtime/sqlite.ts';
import { temporaryDirectory } from '../support/files.ts';
import { runOk } from '../support/processes.ts';
import { onEnd, type Scope } from '../support/scope.ts';

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

export type Flags = Partial<Record<ConfigName, string>>;

export async function testConfig(scope: Scope, flags: Flags = {}): Promise<Config> {
  const data = await temporaryDirectory(scope, 'identity');
  return loadConfig({ environment: {}, flags: { data, 'auth.bcrypt_cost': '8', ...flags } }).config;
}

export interface Fixture {
  config: Config;
  admin: Admin;
  identity: Identity;
}

/** An identity and an administrator on one users.db, each with a connection of its own. */
export async function openBoth(scope: Scope, flags: Flags = {}): Promise<Fixture> {
  const config = await testConfig(scope, flags);
  const admin = await openAdmin(config);
  onEnd(scope, () => admin.close());
  const identity = await openIdentity({ config, log: silentLog });
  onEnd(scope, () => identity.close());
  return { config, admin, identity };
}

export function basic(name: string, password: string): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
}

/** Calls a method of the administrator's façade in another process, and waits for its end. */
export async function adminElsewhere(config: Config, method: keyof Admin, ...args: unknown[]): Promise<void> {
  const script = `
    const [data, htpasswd, method, ...args] = JSON.parse(process.argv[1]);
    const { loadConfig } = await import(${JSON.stringify(new URL('../../runtime/config.ts', import.meta.url))});
    const { openAdmin } = await import(${JSON.stringify(new URL('../../gateway/admin.ts', import.meta.url))});
    const flags = { data, 'auth.bcrypt_cost': '8', 'auth.htpasswd_file': htpasswd };
    const admin = await openAdmin(loadConfig({ environment: {}, flags }).config);
    await admin[method](...args);
    admin.close();`;
  const input = JSON.stringify([config.data, config['auth.htpasswd_file'], method, ...args]);
  await runOk(process.execPath, ['--input-type=module', '-e', script, input]);
}

export interface StoredKey {
  kid: string;
  key: KeyObject;
  jwk: { x: string; y: string };
}

/** The signing key in users.db, to forge tokens with. */
export function storedKeys(config: Config): StoredKey[] {
  const database = openDatabase(join(config.data, 'users.db'));
  const rows = database.prepare(`SELECT kid, jwk FROM signing_keys WHERE state = 'signing'`).all() as {
    kid: string;
    jwk: string;
  }[];
  database.close();
  return rows.map(({ kid, jwk }) => {
    const parsed = JSON.parse(jwk);
    return { kid, jwk: parsed, key: createPrivateKey({ key: parsed, format: 'jwk' }) };
  });
}

export function thumbprint({ x, y }: { x: string; y: string }): string {
  return createHash('sha256')
    .update(JSON.stringify({ crv: 'P-256', kty: 'EC', x, y }))
    .digest('base64url');
}

type Json = Record<string, unknown>;

/** A JWT made by hand, so that the verifier is not tested with its own library. */
export function makeJwt(header: Json, claims: Json, signature: (input: string) => Buffer): string {
  const encode = (value: Json) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${signature(input).toString('base64url')}`;
}

export function es256(key: KeyObject): (input: string) => Buffer {
  return (input) => sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
}

export function decodeJwt(token: string): { header: Json; claims: Json } {
  const [header = '', claims = ''] = token.split('.');
  const decode = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString());
  return { header: decode(header), claims: decode(claims) };
}
