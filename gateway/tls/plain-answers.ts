import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dataPaths } from '../../runtime/config.ts';
import type { Config } from '../../runtime/config-schema.ts';
import { AcmeChallenges } from './acme-challenges.ts';

const challengePath = '/.well-known/acme-challenge/';

/** Where the certificate of the own authority is to be had, by anybody: it is no secret. */
export const authorityPath = '/ca.crt';

/** The certificate of the own authority as it is on disk now; undefined where there is none, or nobody is served by it. */
export async function readAuthority(config: Config): Promise<string | undefined> {
  if (!['own', 'acme'].includes(config['tls.mode'])) return undefined;
  return readFile(join(dataPaths(config).certificates, 'ca.crt'), 'utf8').catch(() => undefined);
}

/** What is answered without TLS. */
export function plainAnswers(config: Config): (path: string) => Promise<string | undefined> {
  const challenges = new AcmeChallenges(dataPaths(config).acmeChallenges);
  return async (path) => {
    if (path === authorityPath) return readAuthority(config);
    if (config['tls.mode'] !== 'acme' || !path.startsWith(challengePath)) return undefined;
    return challenges.httpAnswer(path.slice(challengePath.length));
  };
}
