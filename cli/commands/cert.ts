import type { Config } from '../../runtime/config-schema.ts';
import { exportCertificate, exportKey, importKey } from '../cert-export.ts';
import { issue, renew } from '../cert-issue.ts';
import { show } from '../cert-show.ts';
import { type Call, type Command, jsonOption, namedPositionals } from '../command.ts';
import { CommandError, UsageError } from '../errors.ts';
import { loadExisting } from '../settings.ts';

interface Verb {
  positionals: readonly string[];
  options?: readonly string[];
  run(config: Config, call: Call, names: Readonly<Record<string, string>>): Promise<void>;
}

const verbs: Readonly<Record<string, Verb>> = {
  show: { positionals: [], options: ['json'], run: show },
  issue: { positionals: [], run: issue },
  renew: { positionals: [], options: ['new-authority'], run: renew },
  export: { positionals: [], run: exportCertificate },
  'export-ca-key': { positionals: ['FILE'], options: ['remove'], run: exportKey },
  'import-ca-key': { positionals: ['FILE'], run: importKey },
};

export const command: Command = {
  summary: 'show, issue, renew and export certificates',
  usage: [
    'cert show [--json]',
    'cert issue [--hostname NAME]…',
    'cert renew [--hostname NAME]… [--new-authority]',
    'cert export',
    'cert export-ca-key FILE [--remove]',
    'cert import-ca-key FILE',
  ],
  description:
    'issue makes what is missing or will not do any more. renew issues a new server certificate by the own authority,\nfor the names of the old one and those that are configured or given. The running gateway takes it over; clients\nthat trust the authority notice nothing. An authority may issue only for the names that it was made for and those\nbelow them: another name takes a new authority, which all clients have to trust anew.\nexport prints the certificate of the authority. export-ca-key copies its key; with --remove the key is then taken\naway, so that nobody who breaks in can issue certificates: bring it back with import-ca-key to renew.',
  options: {
    ...jsonOption,
    'new-authority': { type: 'boolean', description: 'renew: with a new certificate authority' },
    remove: { type: 'boolean', description: 'export-ca-key: remove the key here' },
  },
  examples: [
    ['cert show', 'names, dates, fingerprints, and what a new machine has to type'],
    ['cert renew', 'a new server certificate'],
    ['cert export-ca-key /media/usb/ca.key --remove', 'takes the key of the authority offline'],
  ],
  async run(call) {
    const [name = '', ...rest] = call.positionals;
    const verb = Object.hasOwn(verbs, name) ? verbs[name]! : undefined;
    if (!verb)
      throw new UsageError(
        `expected ${Object.keys(verbs)
          .join(', ')
          .replace(/, ([^,]*)$/, ' or $1')}`,
      );
    const names = namedPositionals(rest, verb.positionals);
    const other = [...call.given].find((option) => !verb.options?.includes(option));
    if (other !== undefined) throw new UsageError(`--${other} does not go with cert ${name}`);
    const { config } = loadExisting(call.flags);
    if (config['tls.mode'] === 'off') throw new CommandError('tls.mode is off: there is no certificate');
    await verb.run(config, call, names);
    return 0;
  },
};
