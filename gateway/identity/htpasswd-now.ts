import type { Log } from '../../runtime/log.ts';
import { HtpasswdFile, type HtpasswdSource, noHtpasswd } from './htpasswd-file.ts';

/** The gateway is the one that tells of faults in the file. */
const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** The htpasswd file as it is at each question, for those who ask now and then and cannot wait. */
export function htpasswdNow(path: string): HtpasswdSource {
  if (path === '') return noHtpasswd;
  const file = new HtpasswdFile(path, quiet);
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
