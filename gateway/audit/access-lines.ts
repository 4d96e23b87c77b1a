import { writeSync } from 'node:fs';
import type { Config } from '../../runtime/config-schema.ts';
import type { Log } from '../../runtime/log.ts';
import { blankSecrets } from '../../runtime/secrets.ts';
import { LinesFile } from './json-lines.ts';

/** One request that is over. As JSON these names are an interface for scripts. */
export interface AccessRecord {
  requestId: string;
  address: string;
  account: string | undefined;
  method: string | undefined;
  /** Without the query, where secrets may stand. */
  path: string;
  httpVersion: string;
  status: number;
  complete: boolean;
  sentBytes: number;
  receivedBytes: number;
  durationMs: number;
  referer: string | undefined;
  userAgent: string | undefined;
}

/** Where access lines go, in the form that is set. */
export interface AccessLines {
  write(record: AccessRecord): void;
  /** The file may have been renamed. */
  reopen(): void;
}

export function openAccessLines(config: Config, log: Log): AccessLines {
  const form = config['log.access'];
  const path = config['log.access_file'];
  if (form === 'off') return { write() {}, reopen() {} };
  if (form === 'json' && path === '') return { write: (record) => logRecord(record, log), reopen() {} };
  const format = form === 'json' ? jsonLine : form === 'common' ? commonLine : combinedLine;
  if (path === '') return { write: (record) => writeToStandardError(format(record)), reopen() {} };
  const file = new LinesFile(path);
  let isFailing = false;
  return {
    write(record) {
      try {
        file.append(format(record));
        isFailing = false;
      } catch (error) {
        // Once, not for each request: the disk is full, or the directory is gone.
        if (!isFailing) log.error('the access log cannot be written', { path, error });
        isFailing = true;
      }
    },
    reopen: () => file.reopen(),
  };
}

function logRecord({ httpVersion, referer, ...record }: AccessRecord, log: Log): void {
  log.info('request', record);
}

function jsonLine({ httpVersion, referer, ...record }: AccessRecord): string {
  return blankSecrets(`${JSON.stringify({ time: new Date().toISOString(), ...record })}\n`);
}

/** As Apache httpd documents it under "Common Log Format". */
function commonLine(record: AccessRecord): string {
  return `${commonPart(record)}\n`;
}

function combinedLine(record: AccessRecord): string {
  return `${commonPart(record)} "${quoted(record.referer)}" "${quoted(record.userAgent)}"\n`;
}

function commonPart({
  address,
  account,
  method,
  path,
  httpVersion,
  status,
  sentBytes,
}: AccessRecord): string {
  const request = `${method} ${path} HTTP/${httpVersion}`;
  const user = quoted(account || undefined).replaceAll(' ', '\\x20');
  return `${address} - ${user} [${clfTime(new Date())}] "${quoted(request)}" ${status} ${sentBytes}`;
}

/** What a client chose ends no field and no line. */
function quoted(text: string | undefined): string {
  if (text === undefined || text === '') return '-';
  return blankSecrets(text).replace(
    /["\\\u0000-\u001f\u007f-\u009f]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `21/Nov/2026:13:55:36 +0000`, in UTC like all times in logs here. */
export function clfTime(time: Date): string {
  const [date, clock] = time.toISOString().split('T') as [string, string];
  const [year, month, day] = date.split('-') as [string, string, string];
  return `${day}/${months[Number(month) - 1]}/${year}:${clock.slice(0, 8)} +0000`;
}

function writeToStandardError(line: string): void {
  try {
    writeSync(2, line);
  } catch (error) {
    // A pipe that nobody empties at the moment; a line less is better than a gateway that stands still.
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
  }
}
