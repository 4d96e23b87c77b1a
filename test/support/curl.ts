import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryDirectory } from './files.ts';
import type { Gatehouse } from './gatehouse.ts';
import { runOk } from './processes.ts';
import type { Scope } from './scope.ts';

export interface CurlAnswer {
  status: number;
  /** Names in lower case; a name that comes twice has both values. */
  headers: Record<string, string[]>;
  body: Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  json: any;
}

export interface CurlOptions {
  method?: string;
  headers?: string[];
  /** The body, sent from a file. */
  data?: Buffer | string;
}

/** curl as an operator uses it: the CA by --cacert, the password from a netrc file, or as a stranger. */
export type Curl = (path: string, options?: CurlOptions) => Promise<CurlAnswer>;

export async function curlAs(
  scope: Scope,
  gatehouse: Gatehouse,
  user?: string,
  password?: string,
): Promise<Curl> {
  const directory = await temporaryDirectory(scope, 'curl');
  const netrc = join(directory, 'netrc');
  const login = user === undefined ? '' : `machine localhost login ${user} password ${password}\n`;
  await writeFile(netrc, login, { mode: 0o600 });
  // Without the settings of whoever runs the tests; --disable counts in the first place only.
  const common = ['--disable', '--noproxy', '*', '--silent', '--show-error'];
  common.push('--cacert', gatehouse.caPath, '--netrc-file', netrc);
  let count = 0;

  return async (path, { method, headers = [], data } = {}) => {
    const file = join(directory, String(count++));
    const args = [...common, '--output', `${file}.body`];
    args.push('--write-out', '{"status": %{http_code}, "headers": %{header_json}}');
    if (method === 'HEAD') args.push('--head');
    else if (method) args.push('--request', method);
    for (const header of headers) args.push('--header', header);
    if (data !== undefined) {
      await writeFile(`${file}.data`, data);
      args.push('--data-binary', `@${file}.data`);
    }
    const written = JSON.parse(await runOk('curl', [...args, gatehouse.origin + path]));
    // curl makes no file for an answer without a body.
    const body = await readFile(`${file}.body`).catch(() => Buffer.alloc(0));
    return {
      ...written,
      body: method === 'HEAD' ? Buffer.alloc(0) : body,
      get json() {
        return JSON.parse(body.toString());
      },
    };
  };
}
