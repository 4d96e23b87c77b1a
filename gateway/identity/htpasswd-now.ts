import { dataPaths } from '../../runtime/config.ts';
import type { Config } from '../../runtime/config-schema.ts';
import type { Log } from '../../runtime/log.ts';
import { openHtpasswdCopy, readOnly } from './htpasswd-copy.ts';
import { HtpasswdFile, type HtpasswdSource, noHtpasswd } from './htpasswd-file.ts';

/** The gateway is the one that tells of faults in the file. */
const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** The htpasswd file as it is at each question, for those who ask now and then and cannot wait. */
export function htpasswdNow(config: Config): HtpasswdSource {
  const path = config['auth.htpasswd_file'];
  if (path === '') return noHtpasswd;
  const copy = openHtpasswdCopy(dataPaths(config).htpasswdCopy, path);
  const file = new HtpasswdFile(path, readOnly(copy), quiet);
  const current = () => {
    file.refresh();
    return file;
  };
  return {
    path,
    version: () => current().version(),
    hashOf: (name) => current().hashOf(name),
    names: () => current().names(),
  };
}
