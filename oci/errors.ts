/**
 * The one table of errors. Handlers throw `OciError`; `runtime/error-response.ts` alone writes bodies.
 * Codes: distribution-spec "Error Codes". It has none for some refusals and lets a 4xx carry no others: `sentAs` is the
 * code of its own with which such a one goes out, with ours as `condition` in the detail. TAG_INVALID it tolerates
 * ("Legacy Docker support error codes").
 */
export const errorTable = {
  BLOB_UNKNOWN: { status: 404, message: 'blob unknown to registry' },
  BLOB_UPLOAD_INVALID: { status: 400, message: 'blob upload invalid' },
  BLOB_UPLOAD_UNKNOWN: { status: 404, message: 'blob upload unknown to registry' },
  DIGEST_INVALID: { status: 400, message: 'provided digest did not match uploaded content' },
  MANIFEST_BLOB_UNKNOWN: {
    status: 400,
    message: 'manifest references a manifest or blob unknown to registry',
  },
  MANIFEST_INVALID: { status: 400, message: 'manifest invalid' },
  MANIFEST_UNKNOWN: { status: 404, message: 'manifest unknown to registry' },
  NAME_INVALID: { status: 400, message: 'invalid repository name' },
  NAME_UNKNOWN: { status: 404, message: 'repository name not known to registry' },
  SIZE_INVALID: { status: 400, message: 'provided length did not match content length' },
  TAG_INVALID: { status: 400, message: 'invalid tag' },
  RANGE_INVALID: { status: 416, message: 'requested range not satisfiable', sentAs: 'SIZE_INVALID' },
  PAGINATION_NUMBER_INVALID: {
    status: 400,
    message: 'invalid number of results requested',
    sentAs: 'UNSUPPORTED',
  },
  PARAMETER_INVALID: { status: 400, message: 'invalid query parameter', sentAs: 'UNSUPPORTED' },
  URL_INVALID: { status: 400, message: 'invalid request target', sentAs: 'UNSUPPORTED' },
  UNAUTHORIZED: { status: 401, message: 'authentication required' },
  DENIED: { status: 403, message: 'requested access to the resource is denied' },
  NOT_FOUND: { status: 404, message: 'no such path', sentAs: 'UNSUPPORTED' },
  UNSUPPORTED: { status: 405, message: 'the operation is unsupported' },
  MISDIRECTED: {
    status: 421,
    message: 'this server does not serve the requested host',
    sentAs: 'UNSUPPORTED',
  },
  TOOMANYREQUESTS: { status: 429, message: 'too many requests' },
  INTERNAL: { status: 500, message: 'internal error' },
  UNAVAILABLE: { status: 503, message: 'service unavailable, try again' },
  STORAGE_FULL: { status: 507, message: 'no space left on the storage' },
} as const;

export type ErrorCode = keyof typeof errorTable;

/** The code that a client reads. */
export function sentCode(code: ErrorCode): ErrorCode {
  const entry: { status: number; sentAs?: ErrorCode } = errorTable[code];
  return entry.sentAs ?? code;
}

export interface OciErrorOptions {
  /** What was wrong and what to do, for people. Replaces the table's message. */
  message?: string;
  /** JSON data that helps a client to resolve the problem. Never a secret. */
  detail?: unknown;
  /** Replaces the table's status, e.g. 413 for a manifest that is too large. */
  status?: number;
  /** Response headers that belong to this error (`Range`, `Allow`, `Retry-After`, `WWW-Authenticate`). */
  headers?: Record<string, string>;
  cause?: unknown;
  /** `error` of RFC 6749 section 5.2, in errors of the token endpoint: its clients may look for it. */
  oauthError?: string | undefined;
}

/** An error that a client may see: code, status, message and detail of the OCI JSON form. */
export class OciError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly detail: unknown;
  readonly headers: Record<string, string>;
  readonly oauthError: string | undefined;

  constructor(code: ErrorCode, options: OciErrorOptions = {}) {
    super(options.message ?? errorTable[code].message, { cause: options.cause });
    this.name = 'OciError';
    this.code = code;
    this.status = options.status ?? errorTable[code].status;
    this.detail = options.detail;
    this.headers = options.headers ?? {};
    this.oauthError = options.oauthError;
  }

  /** The same error with something added. */
  with(added: Pick<OciErrorOptions, 'headers' | 'oauthError'>): OciError {
    const { message, detail, status, oauthError } = this;
    const headers = { ...this.headers, ...added.headers };
    return new OciError(this.code, { message, detail, status, oauthError, ...added, headers, cause: this });
  }

  /** The body of the response: `{"errors":[{code, message, detail}]}`; beside it what OAuth 2 has of its own. */
  toBody(): string {
    const code = sentCode(this.code);
    const detail = code === this.code ? this.detail : { condition: this.code, ...(this.detail as object) };
    const entry = { code, message: this.message, detail };
    const oauth = this.oauthError && {
      error: this.oauthError,
      // RFC 6749 allows neither quotation marks nor what is not ASCII.
      error_description: this.message.replaceAll('"', "'").replaceAll(/[^ !#-[\]-~]/g, '?'),
    };
    return `${JSON.stringify({ errors: [entry], ...oauth })}\n`;
  }
}
