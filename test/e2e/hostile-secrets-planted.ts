import type { RequestOptions } from '../support/http.ts';

/** Secrets of which none is found anywhere by accident. */
export const planted = {
  admin: 'Planted+admin/Password-4711',
  alice: 'Planted+alice/Password-4712',
  changed: 'Planted+changed/Password-4713',
  wrong: 'Planted+wrong/Password-4714',
  cookie: 'plantedcookie4715',
  refresh: 'eyJwbGFudGVkIjoicmVmcmVzaCJ9.eyJhIjoxfQ.plantedrefresh4716',
  apiKey: 'plantedapikey4717',
};

export function basic(name: string, password: string): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
}

/** Credentials good and bad, where they belong and where they do not. */
export function carriersOf(token: string): Record<string, string>[] {
  return [
    {},
    { authorization: basic('alice', planted.alice) },
    { authorization: basic('alice', planted.wrong) },
    { authorization: basic(planted.alice, 'x') },
    { authorization: basic('nobody', planted.alice) },
    { authorization: `Bearer ${token}` },
    { authorization: `Bearer ${token.slice(0, -8)}AAAAAAAA` },
    { authorization: `Bearer ${planted.refresh}` },
    { authorization: `Token ${token}` },
    { authorization: token },
    { authorization: `Basic ${planted.alice}` },
    {
      cookie: `session=${planted.cookie}; token=${token}`,
      'proxy-authorization': basic('alice', planted.alice),
      'x-registry-auth': token,
      'x-api-key': planted.apiKey,
      'x-gatehouse-context': token,
      authentication: `Bearer ${token}`,
    },
    {
      'user-agent': `tool/1 (Bearer ${token})`,
      referer: `https://x/?token=${token}`,
      range: token,
      'if-none-match': token,
    },
  ];
}

/** What is asked for with each of them, succeeding and failing, with secrets in the target and in the body. */
export function callsWith(token: string, host: string): RequestOptions[] {
  const query = `token=${token}&access_token=${token}&refresh_token=${planted.refresh}&password=${encodeURIComponent(planted.alice)}`;
  const grantBody = `grant_type=password&username=alice&${query}`;
  return [
    { path: '/v2/' },
    { path: `/v2/?${query}` },
    { path: `/v2/_catalog?${query}` },
    { path: `/v2/_catalog?n=${token}` },
    { path: `/v2/_catalog?n=1&n=${token}` },
    { path: `/v2/team/x/tags/list?last=${token}&${query}` },
    { path: '/v2/team/x/manifests/v1' },
    { path: `/v2/team/x/manifests/${token}` },
    { path: `/v2/team/x/blobs/${token}` },
    { path: `/v2/team/x/blobs/sha256:${token}`, method: 'DELETE' },
    { path: `/v2/team/x/blobs/uploads/${token}`, method: 'PATCH' },
    { path: `/v2/team/x/blobs/uploads/?digest=${token}`, method: 'POST' },
    { path: `/v2/team/x/blobs/uploads/?mount=${token}&from=${token}`, method: 'POST' },
    { path: '/v2/team/x/blobs/uploads/', method: 'POST' },
    { path: `/v2/${token}/tags/list` },
    { path: `/v2/team/x/${token}` },
    { path: `/${token}?${query}` },
    { path: `/v2/Bearer%20${token}/tags/list` },
    { path: `https://alice:${planted.alice}@${host}/v2/` },
    { path: '/v2/secret/y/manifests/v1', method: 'PUT', body: `{"token":"${token}"}` },
    { path: '/v2/team/x/manifests/v2', method: 'PUT', body: `{"token":"${token}"}` },
    { path: '/v2/team/x/manifests/v2', method: 'PUT', body: token, headers: { 'content-type': token } },
    { path: `/token?service=&scope=repository:team/x:pull&account=alice&${query}` },
    { path: `/token?service=${token}` },
    { path: `/token?scope=${token}` },
    { path: `/token?${query}`, method: 'POST', body: grantBody },
    { path: `/healthz?${query}` },
    { path: `/v1/search?q=${token}` },
    { path: `/api/v1/can?action=${token}&repository=${token}` },
    { path: `/api/v1/audit?user=${token}&after=${token}` },
    { path: `/api/v1/me/tokens/${token}`, method: 'DELETE' },
    ...apiBodies(token).map(([path, body]) => ({
      path,
      method: path.endsWith('password') ? 'PUT' : 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    })),
  ];
}

/** Bodies in which something is wrong. */
function apiBodies(token: string): [path: string, body: string][] {
  const { alice, wrong, changed } = planted;
  return [
    ['/api/v1/me/password', JSON.stringify({ currentPassword: alice, newPassword: `${changed}\u0007` })],
    ['/api/v1/me/password', JSON.stringify({ currentPassword: alice, password: wrong })],
    ['/api/v1/me/password', `{"currentPassword": ${alice}`],
    ['/api/v1/me/tokens', JSON.stringify({ name: token, expiresAt: token })],
    ['/api/v1/users', JSON.stringify({ name: changed, password: changed })],
  ];
}

/** Arguments and standard input of commands, some of which cannot do as they are told. */
export const commands: [args: string[], input?: string][] = [
  [['user', 'add', 'bob', '--password-stdin'], `${planted.changed}\n`],
  [['user', 'add', 'bob', '--password-stdin'], `${planted.changed}\n`],
  [['user', 'add', 'eve', '--password-stdin'], `${planted.changed}\u0007\n`],
  [['user', 'add', 'eve', '--password-stdin'], `${planted.changed.repeat(4)}\n`],
  [['user', 'passwd', 'bob', '--password-stdin'], `${planted.wrong}\n`],
  [['user', 'passwd', 'nobody', '--password-stdin'], `${planted.wrong}\n`],
  [['user', 'add', 'eve', '--password', planted.wrong]],
  [['user', 'add', 'eve', planted.wrong]],
  [['user', 'list', '--json']],
  [['grant', 'bob', 'team/**', 'pull']],
  [['can', 'bob', 'pull', 'team/x']],
  [['config', 'show']],
  [['config', 'check']],
  [['cert', 'show']],
  [['status', '--json']],
  [['gc']],
  [['gc', 'history']],
];
