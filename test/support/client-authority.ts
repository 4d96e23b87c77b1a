import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryDirectory } from './files.ts';
import { runOk } from './processes.ts';
import type { Scope } from './scope.ts';

/** Where a client's certificate and key are. */
export interface ClientPair {
  cert: string;
  key: string;
}

export interface ClientOptions {
  /** Such as `email:alice@example.com`, for the subjectAltName. */
  names?: string[];
  /** `-days` of openssl; 0 makes one that has ended. */
  days?: number;
  purpose?: 'clientAuth' | 'serverAuth';
}

/** An authority for client certificates, as an operator makes one with openssl. */
export interface ClientAuthorityFixture {
  directory: string;
  ca: string;
  crl: string;
  issue(commonName: string, options?: ClientOptions): Promise<ClientPair>;
  /** Revokes one, and writes the list anew. */
  revoke(pair: ClientPair): Promise<void>;
}

const config = (directory: string) => `
[ca]
default_ca = own
[own]
dir = ${directory}
database = ${directory}/index
new_certs_dir = ${directory}/issued
serial = ${directory}/serial
crlnumber = ${directory}/crlnumber
certificate = ${directory}/ca.crt
private_key = ${directory}/ca.key
default_md = sha256
default_crl_days = 30
unique_subject = no
policy = any
copy_extensions = copy
[any]
commonName = supplied
`;

const elliptic = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export async function makeClientAuthority(scope: Scope): Promise<ClientAuthorityFixture> {
  const directory = await temporaryDirectory(scope, 'clients');
  const at = (name: string) => join(directory, name);
  const openssl = (...args: string[]) => runOk('openssl', args);
  await mkdir(at('issued'));
  for (const [name, text] of [
    ['index', ''],
    ['serial', '1000\n'],
    ['crlnumber', '1000\n'],
    ['ca.cnf', config(directory)],
  ]) {
    await writeFile(at(name!), text!);
  }
  const extensions = ['-addext', 'keyUsage=critical,keyCertSign,cRLSign'];
  const files = ['-keyout', at('ca.key'), '-out', at('ca.crt')];
  await openssl('req', '-x509', ...elliptic, '-subj', '/CN=Clients', '-days', '30', ...extensions, ...files);
  const writeList = () => openssl('ca', '-config', at('ca.cnf'), '-gencrl', '-out', at('crl.pem'));
  await writeList();
  const issue = async (
    commonName: string,
    { names = [], days = 10, purpose = 'clientAuth' }: ClientOptions = {},
  ) => {
    const id = `${commonName}-${Math.random().toString(36).slice(2)}`;
    const pair = { cert: at(`${id}.crt`), key: at(`${id}.key`) };
    const alternative = names.length > 0 ? ['-addext', `subjectAltName=${names.join(',')}`] : [];
    const request = ['-addext', `extendedKeyUsage=${purpose}`, ...alternative];
    const out = ['-keyout', pair.key, '-out', at(`${id}.csr`)];
    await openssl('req', '-new', ...elliptic, '-subj', `/CN=${commonName}`, ...request, ...out);
    const life =
      days > 0 ? ['-days', String(days)] : ['-startdate', '20200101000000Z', '-enddate', '20210101000000Z'];
    const signing = ['-config', at('ca.cnf'), '-batch', '-notext', ...life];
    await openssl('ca', ...signing, '-in', at(`${id}.csr`), '-out', pair.cert);
    return pair;
  };
  const revoke = async ({ cert }: ClientPair) => {
    await openssl('ca', '-config', at('ca.cnf'), '-revoke', cert);
    await writeList();
  };
  return { directory, ca: at('ca.crt'), crl: at('crl.pem'), issue, revoke };
}

export async function readPair({ cert, key }: ClientPair): Promise<ClientPair> {
  return { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') };
}
