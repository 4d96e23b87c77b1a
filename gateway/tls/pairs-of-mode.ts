import { acmePaths } from '../../certs/index.ts';
import { dataPaths } from '../../runtime/config.ts';
import type { Config } from '../../runtime/config-schema.ts';
import type { Log } from '../../runtime/log.ts';
import { ensureOwn } from './own-certificate.ts';
import { type PairOptions, ServedPair } from './served-pair.ts';

/** The pairs that `tls.mode` asks for, the default one first. @throws CertificateError when one cannot be served. */
export async function openPairs(config: Config, log: Log, onChange: () => void): Promise<ServedPair[]> {
  const wanted = config['tls.mode'] === 'files' ? broughtPairs(config) : await ownPairs(config, log);
  const opened: ServedPair[] = [];
  try {
    for (const options of wanted) opened.push(await ServedPair.open({ ...options, log, onChange }));
    return opened;
  } catch (error) {
    for (const pair of opened) pair.close();
    throw error;
  }
}

type WantedPair = Pick<PairOptions, 'paths' | 'source' | 'optional'>;

function broughtPairs(config: Config): WantedPair[] {
  const first = { certificate: config['tls.certificate'], key: config['tls.key'] };
  return [first, ...config['tls.pairs']].map(({ certificate, key }) => ({
    paths: { certificatePath: certificate, keyPath: key },
    source: 'files',
  }));
}

/** With ACME the own pair serves whatever the other is not for, and all until that is there. */
async function ownPairs(config: Config, log: Log): Promise<WantedPair[]> {
  const own: WantedPair = { paths: await ensureOwn(config, log), source: 'own' };
  if (config['tls.mode'] !== 'acme') return [own];
  return [own, { paths: acmePaths(dataPaths(config).acmeCertificates), source: 'acme', optional: true }];
}
