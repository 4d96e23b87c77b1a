import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { type Endpoint, parseEndpoint } from '../oci/endpoints.ts';
import { OciError } from '../oci/errors.ts';
import type { SparseIndex } from '../oci/sparse-index.ts';
import type { Config } from '../runtime/config-schema.ts';
import { coreStatusPath } from '../runtime/core-status.ts';
import type { DiskWatch } from '../runtime/disk-watch.ts';
import { sendError } from '../runtime/error-response.ts';
import { closeOnlyIdle } from '../runtime/idle-connections.ts';
import type { Log } from '../runtime/log.ts';
import { parseContext, type RequestContext } from '../runtime/request-context.ts';
import { type Answer, type Submission, sendAnswer } from './answer.ts';
import { handleBase } from './handlers/base.ts';
import { handleBlob } from './handlers/blobs.ts';
import { handleCatalog } from './handlers/catalog.ts';
import { handleManifest } from './handlers/manifests.ts';
import { handleReferrers } from './handlers/referrers.ts';
import { jsonAnswer } from './handlers/responses.ts';
import { handleSearch } from './handlers/search.ts';
import { handleTags } from './handlers/tags.ts';
import { handleUpload, handleUploadStart } from './handlers/uploads.ts';
import type { KeptLists } from './kept-lists.ts';
import type { Registry } from './metadata/registry.ts';
import type { ReadStatus } from './status.ts';
import type { BlobStore } from './storage/blob-store.ts';
import type { UploadSessions } from './upload-session.ts';

/** What the handlers work on. */
export interface Core {
  registry: Registry;
  store: BlobStore;
  uploads: UploadSessions;
  lists: KeptLists;
  settings: CoreSettings;
  disk: DiskWatch;
  /** What is answered to who asks how the core does. */
  status: ReadStatus;
  log: Log;
}

/** What an operator decides of the answers. */
export interface CoreSettings {
  sparseIndex: SparseIndex;
  /** What clients are asked for, in bytes; 0: nothing. */
  minChunkBytes: number;
}

export function coreSettings(config: Config): CoreSettings {
  return {
    sparseIndex: config['manifests.sparse_index'],
    minChunkBytes: config['uploads.min_chunk_bytes'],
  };
}

/** Only the gateway speaks here, and the context may name thousands of patterns. */
const maxHeaderSize = 8 * 1024 * 1024;

/**
 * The OCI / Docker V2 API. It listens on a unix socket only and knows no user: whoever reaches it may do all, and
 * the gateway in front decides who that is.
 */
export function createCoreServer(core: Core): Server {
  let active = 0;
  const server = createServer({ maxHeaderSize });
  const handler: RequestListener = (request, response) => {
    active++;
    response.once('close', () => active--);
    if (request.url === coreStatusPath) {
      void answerStatus(core, active - 1, response);
      return;
    }
    void handle(core, request, response);
  };
  server.on('request', closeOnlyIdle(server, handler));
  // The gateway keeps connections and sets the deadlines; a long push over a thin line is nobody's fault here.
  server.requestTimeout = 0;
  server.keepAliveTimeout = 0;
  return server;
}

async function answerStatus(core: Core, requestsActive: number, response: ServerResponse): Promise<void> {
  try {
    await sendAnswer(response, jsonAnswer(200, await core.status(requestsActive)));
  } catch (error) {
    sendError(response, error, core.log, 'status');
  }
}

async function handle(core: Core, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const startedAt = performance.now();
  let requestId = '-';
  response.once('close', () => {
    core.log.debug('request to the core', {
      requestId,
      method: request.method,
      status: response.statusCode,
      durationMs: Math.round((performance.now() - startedAt) * 10) / 10,
    });
  });
  try {
    response.setHeader('Docker-Distribution-Api-Version', 'registry/2.0');
    const context = parseContext(request.headers);
    requestId = context.requestId;
    const endpoint = parseEndpoint(request.method ?? '', request.url ?? '');
    if (!endpoint) throw new OciError('NOT_FOUND');
    const { method = '', headers } = request;
    await sendAnswer(response, await dispatch(core, endpoint, { method, headers, context, body: request }));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ECONNRESET') response.destroy();
    else sendError(response, error, core.log, requestId);
  }
  // An answer before the end of the body must not leave the rest on a connection that is kept.
  if (!request.complete && !request.destroyed) request.resume();
}

/**
 * The caller may only go on with an upload session that it started. One that is gone is refused like another's: what
 * there is, is for callers to know whose token has not expired.
 * @throws OciError UNAUTHORIZED
 */
async function demandOwner({ uploads }: Core, endpoint: Endpoint, { actor }: RequestContext): Promise<void> {
  const owner =
    endpoint.kind === 'upload' ? await uploads.actor(endpoint.repository, endpoint.session) : undefined;
  if (owner !== actor || actor === '') throw new OciError('UNAUTHORIZED');
}

export function dispatch(core: Core, endpoint: Endpoint, submission: Submission): Promise<Answer> | Answer {
  const { context } = submission;
  if (!context.ownerOnly) return handleEndpoint(core, endpoint, submission);
  return demandOwner(core, endpoint, context).then(() => handleEndpoint(core, endpoint, submission));
}

function handleEndpoint(core: Core, endpoint: Endpoint, submission: Submission): Promise<Answer> | Answer {
  switch (endpoint.kind) {
    case 'base':
      return handleBase();
    case 'catalog':
      return handleCatalog(core, endpoint, submission);
    case 'search':
      return handleSearch(core, endpoint, submission);
    case 'tags':
      return handleTags(core, endpoint);
    case 'referrers':
      return handleReferrers(core, endpoint);
    case 'manifest':
      return handleManifest(core, endpoint, submission);
    case 'blob':
      return handleBlob(core, endpoint, submission);
    case 'uploads':
      return handleUploadStart(core, endpoint, submission);
    case 'upload':
      return handleUpload(core, endpoint, submission);
  }
}
