import type { IncomingHttpHeaders } from 'node:http';
import { algorithmOf, type Digest } from '../../oci/digest.ts';
import type { Endpoint } from '../../oci/endpoints.ts';
import { OciError } from '../../oci/errors.ts';
import { parseContentRange, uploadRange } from '../../oci/range.ts';
import type { Answer, Submission } from '../answer.ts';
import { demandSpace } from '../disk.ts';
import type { Core } from '../server.ts';
import type { UploadCheck } from '../upload-session.ts';

type UploadStart = Endpoint & { kind: 'uploads' };
type Upload = Endpoint & { kind: 'upload' };

/** `POST /v2/<name>/blobs/uploads/`: mount, monolithic upload, or a new session (spec end-4, end-11). */
export async function handleUploadStart(
  core: Core,
  endpoint: UploadStart,
  { body, context }: Submission,
): Promise<Answer> {
  const { repository, digest, mount, from } = endpoint;
  if (mount) {
    const readable = context.readable ?? [];
    const mounted = await core.registry.mountBlob({ repository, digest: mount, from, readable }, context);
    if (mounted) return created(repository, mount);
  }
  await demandSpace(core.disk);
  const wanted = digest ?? mount;
  const algorithm = endpoint.digestAlgorithm ?? (wanted ? algorithmOf(wanted) : 'sha256');
  const { uploads } = core;
  // Small bodies come as messages, so this one's next may.
  const session =
    body instanceof Uint8Array
      ? await uploads.openWaiting(repository, algorithm, context)
      : await uploads.open(repository, algorithm, context);
  if (digest && !mount) {
    try {
      await uploads.finish(repository, session.id, digest, body, () => undefined);
    } catch (error) {
      // Nobody was told of this session, so nobody would finish it.
      await uploads.cancel(repository, session.id).catch(() => undefined);
      throw error;
    }
    return created(repository, digest);
  }
  const { minChunkBytes } = core.settings;
  const advice = minChunkBytes > 0 ? { 'OCI-Chunk-Min-Length': minChunkBytes } : {};
  return { status: 202, headers: { ...sessionHeaders(repository, session.id, 0), ...advice } };
}

/** `/v2/<name>/blobs/uploads/<session>` (spec end-5, end-6, end-13, end-14). */
export async function handleUpload(
  core: Core,
  endpoint: Upload,
  { headers, body }: Submission,
): Promise<Answer> {
  const { method, repository, session, digest } = endpoint;
  const check = rangeCheck(headers, repository, session);
  switch (method) {
    case 'GET':
    case 'HEAD': {
      const { offset } = await core.uploads.status(repository, session);
      return { status: 204, headers: sessionHeaders(repository, session, offset) };
    }
    case 'PATCH': {
      const offset = await core.uploads.append(repository, session, body, check);
      return { status: 202, headers: sessionHeaders(repository, session, offset) };
    }
    case 'PUT': {
      if (!digest) {
        throw new OciError('DIGEST_INVALID', {
          message: 'the parameter digest is missing: it names the whole blob',
        });
      }
      const isEmpty = headers['content-length'] === '0';
      await core.uploads.finish(repository, session, digest, isEmpty ? undefined : body, check);
      return created(repository, digest);
    }
    case 'DELETE':
      await core.uploads.cancel(repository, session);
      return { status: 204, headers: {} };
  }
}

function created(repository: string, digest: Digest): Answer {
  const headers = { Location: `/v2/${repository}/blobs/${digest}`, 'Docker-Content-Digest': digest };
  return { status: 201, headers };
}

function sessionHeaders(repository: string, session: string, offset: number): Record<string, string> {
  return {
    Location: `/v2/${repository}/blobs/uploads/${session}`,
    Range: uploadRange(offset),
    'Docker-Upload-UUID': session,
  };
}

/** Refuses a chunk that does not start where the last one ended, before any of it is read (spec: 416). */
function rangeCheck(headers: IncomingHttpHeaders, repository: string, session: string): UploadCheck {
  const header = headers['content-range'];
  if (header === undefined) return () => undefined;
  const { start, end } = parseContentRange(header);
  const announced = end - start + 1;
  const length = headers['content-length'];
  return (offset) => {
    if (start !== offset) {
      throw new OciError('RANGE_INVALID', {
        message: `this upload goes on at byte ${offset}`,
        detail: { offset, contentRange: header },
        headers: sessionHeaders(repository, session, offset),
      });
    }
    if (length === undefined || Number(length) === announced) return announced;
    throw new OciError('SIZE_INVALID', {
      message: 'Content-Length differs from the length of Content-Range',
      detail: { contentRange: header, contentLength: length },
    });
  };
}
