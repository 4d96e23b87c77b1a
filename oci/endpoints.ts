import { type Digest, type DigestAlgorithm, parseAlgorithm, parseDigest } from './digest.ts';
import { type ErrorCode, OciError } from './errors.ts';
import { parseReference, parseRepository, parseTag, type Reference, referenceText } from './reference.ts';
import {
  decodeSegment,
  type Entry,
  formatQuery,
  optional,
  Parameters,
  splitTarget,
} from './request-target.ts';

export { maxTargetLength, splitTarget } from './request-target.ts';

/**
 * The one reader of request targets. The gateway authorises what it returns, sends `formatEndpoint` of it to the
 * core, and the core dispatches on the same reading: two readers would be a way around authorisation.
 */
export type Endpoint =
  | { kind: 'base'; method: Read }
  | ({ kind: 'catalog'; method: Read } & Page)
  | { kind: 'search'; method: Read; text: string; n?: number }
  | ({ kind: 'tags'; method: Read; repository: string } & Page)
  | ({ kind: 'referrers'; method: Read; repository: string; digest: Digest; artifactType?: string } & Page)
  | {
      kind: 'manifest';
      method: Read | 'PUT' | 'DELETE';
      repository: string;
      reference: Reference;
      tags: string[];
    }
  | { kind: 'blob'; method: Read | 'DELETE'; repository: string; digest: Digest }
  | ({ kind: 'uploads'; method: 'POST'; repository: string } & UploadStart)
  | {
      kind: 'upload';
      method: Read | 'PATCH' | 'PUT' | 'DELETE';
      repository: string;
      session: string;
      digest?: Digest;
    };

type Read = 'GET' | 'HEAD';

/** Keyset pagination (spec "Listing Tags"): at most `n` entries after `last`. */
export interface Page {
  n?: number;
  last?: string;
}

interface UploadStart {
  /** Monolithic upload in one POST. */
  digest?: Digest;
  digestAlgorithm?: DigestAlgorithm;
  mount?: Digest;
  from?: string;
}

/** Tags in one manifest PUT (spec end-7b asks for at least 10). */
const maxTags = 50;
const sessionGrammar = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * @param method the request's method, @param target its target in origin form.
 * @returns undefined when the path is neither under `/v2/` nor `/v1/search`.
 * @throws OciError URL_INVALID, NOT_FOUND, UNSUPPORTED (with `Allow`), PARAMETER_INVALID or a grammar's own error.
 */
export function parseEndpoint(method: string, target: string): Endpoint | undefined {
  const { path, query } = splitTarget(target);
  if (path === '/v1/search') return searchEndpoint(method, new Parameters(query));
  if (path !== '/v2' && !path.startsWith('/v2/')) return undefined;
  const segments = path.slice('/v2/'.length).split('/').map(decodeSegment);
  const parameters = new Parameters(query);
  if (segments.length === 1 && segments[0] === '')
    return { kind: 'base', method: allow(method, 'GET', 'HEAD') };
  if (segments.length === 1 && segments[0] === '_catalog') {
    return { kind: 'catalog', method: allow(method, 'GET', 'HEAD'), ...page(parameters) };
  }
  return (
    uploadEndpoint(method, segments, parameters) ??
    contentEndpoint(method, segments, parameters) ??
    notFound(path)
  );
}

/** The target in canonical form: what `parseEndpoint` understood and nothing else. */
export function formatEndpoint(endpoint: Endpoint): string {
  switch (endpoint.kind) {
    case 'base':
      return '/v2/';
    case 'catalog':
      return `/v2/_catalog${formatQuery(pageEntries(endpoint))}`;
    case 'search':
      return `/v1/search${formatQuery([
        ['q', endpoint.text],
        ['n', endpoint.n?.toString()],
      ])}`;
    case 'tags':
      return `/v2/${endpoint.repository}/tags/list${formatQuery(pageEntries(endpoint))}`;
    case 'referrers': {
      const entries = [['artifactType', endpoint.artifactType] as const, ...pageEntries(endpoint)];
      return `/v2/${endpoint.repository}/referrers/${endpoint.digest}${formatQuery(entries)}`;
    }
    case 'manifest': {
      const tags = endpoint.tags.map((tag) => ['tag', tag] as const);
      return `/v2/${endpoint.repository}/manifests/${referenceText(endpoint.reference)}${formatQuery(tags)}`;
    }
    case 'blob':
      return `/v2/${endpoint.repository}/blobs/${endpoint.digest}`;
    case 'uploads':
      return `/v2/${endpoint.repository}/blobs/uploads/${formatQuery(uploadEntries(endpoint))}`;
    case 'upload':
      return `/v2/${endpoint.repository}/blobs/uploads/${endpoint.session}${formatQuery([['digest', endpoint.digest]])}`;
  }
}

/** What `docker search` sends. Repository names have no capitals, so its text need not have them either. */
function searchEndpoint(method: string, parameters: Parameters): Endpoint {
  return {
    kind: 'search',
    method: allow(method, 'GET', 'HEAD'),
    text: parameters.text('q')?.toLowerCase() ?? '',
    ...optional('n', parameters.one('n'), parseCount),
  };
}

function uploadEndpoint(method: string, segments: string[], parameters: Parameters): Endpoint | undefined {
  const marker =
    segments.at(-1) === 'uploads' && segments.at(-2) === 'blobs' ? segments.length - 2 : segments.length - 3;
  if (marker < 1 || segments[marker] !== 'blobs' || segments[marker + 1] !== 'uploads') return undefined;
  const repository = parseRepository(segments.slice(0, marker).join('/'));
  const session = segments[marker + 2] ?? '';
  if (session === '') {
    return { kind: 'uploads', method: allow(method, 'POST'), repository, ...uploadStart(parameters) };
  }
  const allowed = allow(method, 'GET', 'HEAD', 'PATCH', 'PUT', 'DELETE');
  if (!sessionGrammar.test(session))
    throw new OciError('BLOB_UPLOAD_UNKNOWN', { detail: { session: session.slice(0, 100) } });
  const digest = parameters.one('digest');
  return { kind: 'upload', method: allowed, repository, session, ...optional('digest', digest, parseDigest) };
}

function contentEndpoint(method: string, segments: string[], parameters: Parameters): Endpoint | undefined {
  const [kind, last] = segments.slice(-2);
  if (segments.length < 3 || last === undefined) return undefined;
  const name = () => parseRepository(segments.slice(0, -2).join('/'));
  if (kind === 'tags' && last === 'list') {
    return { kind: 'tags', method: allow(method, 'GET', 'HEAD'), repository: name(), ...page(parameters) };
  }
  if (kind === 'manifests') {
    const allowed = allow(method, 'GET', 'HEAD', 'PUT', 'DELETE');
    return {
      kind: 'manifest',
      method: allowed,
      repository: name(),
      reference: readable(allowed, 'MANIFEST_UNKNOWN', () => parseReference(last)),
      tags: tags(parameters),
    };
  }
  if (kind === 'blobs') {
    const allowed = allow(method, 'GET', 'HEAD', 'DELETE');
    return {
      kind: 'blob',
      method: allowed,
      repository: name(),
      digest: readable(allowed, 'BLOB_UNKNOWN', () => parseDigest(last)),
    };
  }
  if (kind === 'referrers') {
    const allowed = allow(method, 'GET', 'HEAD');
    const artifactType = optional('artifactType', parameters.text('artifactType') || undefined, String);
    return {
      kind: 'referrers',
      method: allowed,
      repository: name(),
      digest: parseDigest(last),
      ...artifactType,
      ...page(parameters),
    };
  }
  return undefined;
}

/** Content of a name that nothing can have is not there, so a read of it is 404; of a write the name is wrong. */
function readable<Value>(method: string, unknown: ErrorCode, parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof OciError) || (method !== 'GET' && method !== 'HEAD')) throw error;
    throw new OciError(unknown, { message: error.message, detail: error.detail });
  }
}

function notFound(path: string): never {
  throw new OciError('NOT_FOUND', {
    message: 'no such path in the registry API',
    detail: { path: path.slice(0, 300) },
  });
}

function allow<Method extends string>(method: string, ...allowed: Method[]): Method {
  if ((allowed as string[]).includes(method)) return method as Method;
  throw new OciError('UNSUPPORTED', {
    message: `method not allowed here (allowed: ${allowed.join(', ')})`,
    headers: { Allow: allowed.join(', ') },
  });
}

function page(parameters: Parameters): Page {
  return {
    ...optional('n', parameters.one('n'), parseCount),
    ...optional('last', parameters.text('last'), String),
  };
}

/** A very large `n` is as good as none: the answer's own limit and `Link` do the rest. */
function parseCount(text: string): number {
  if (/^[0-9]+$/.test(text)) return Math.min(Number(text), 1_000_000);
  throw new OciError('PAGINATION_NUMBER_INVALID', {
    message: 'n must be a whole number from 0',
    detail: { n: text.slice(0, 40) },
  });
}

function tags(parameters: Parameters): string[] {
  const names = [...new Set(parameters.all('tag'))];
  if (names.length > maxTags) {
    throw new OciError('URL_INVALID', { status: 414, message: `at most ${maxTags} tags in one request` });
  }
  return names.map(parseTag);
}

function uploadStart(parameters: Parameters): UploadStart {
  return {
    ...optional('digest', parameters.one('digest'), parseDigest),
    ...optional('digestAlgorithm', parameters.one('digest-algorithm'), parseAlgorithm),
    ...optional('mount', parameters.one('mount'), parseDigest),
    // Clients that name no repository send it empty.
    ...optional('from', parameters.one('from') || undefined, parseRepository),
  };
}

function pageEntries({ n, last }: Page): Entry[] {
  return [
    ['n', n?.toString()],
    ['last', last],
  ];
}

function uploadEntries({ digest, digestAlgorithm, mount, from }: UploadStart): Entry[] {
  return [
    ['digest', digest],
    ['digest-algorithm', digestAlgorithm],
    ['mount', mount],
    ['from', from],
  ];
}
