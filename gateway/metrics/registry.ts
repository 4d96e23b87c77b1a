import {
  AggregatorRegistry,
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
} from 'prom-client';

/** The metrics of one process, as they go to the process that answers a scrape. */
export type Snapshot = MetricObjectWithValues<MetricValue<string>>[];

/** Of a registry's answers: most come within milliseconds, layers take minutes. */
const durationBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];

/**
 * What a process that serves requests counts. Labels have few values each, and none that a client can choose: routes,
 * not paths.
 */
export function workerMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Counter({ name, help, labelNames, registers });
  const gauge = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Gauge({ name, help, labelNames, registers });
  return {
    registry,
    requests: counter('gatehouse_http_requests_total', 'Requests answered.', 'route', 'method', 'status'),
    durations: new Histogram({
      name: 'gatehouse_http_request_duration_seconds',
      help: 'From the head of a request to the last byte of its answer.',
      labelNames: ['route', 'method'],
      buckets: durationBuckets,
      registers,
    }),
    inFlight: gauge('gatehouse_http_requests_in_flight', 'Requests under way.'),
    received: counter('gatehouse_http_received_bytes_total', 'Bytes of request bodies.', 'route'),
    sent: counter('gatehouse_http_sent_bytes_total', 'Bytes of answers, heads included.', 'route'),
    connections: gauge('gatehouse_connections_open', 'Connections of clients, idle ones included.'),
    pulls: counter('gatehouse_pulls_total', 'Manifests and blobs that were pulled.', 'kind'),
    pushes: counter('gatehouse_pushes_total', 'Manifests and blobs that were pushed or mounted.', 'kind'),
    logins: counter(
      'gatehouse_auth_total',
      'Requests by what they logged in with, and what came of it.',
      'method',
      'result',
    ),
    tokens: counter('gatehouse_tokens_issued_total', 'Bearer tokens issued.'),
    limits: counter('gatehouse_limit_decisions_total', 'What the limits decided.', 'budget', 'decision'),
    corePool: gauge('gatehouse_core_pool_connections', 'Connections to the core.', 'state'),
    coreWaiting: gauge('gatehouse_core_pool_waiting', 'Requests that wait for a connection to the core.'),
    certificateEnd: new Gauge({
      name: 'gatehouse_certificate_expiry_timestamp_seconds',
      help: 'When the served certificate ends, in seconds since 1970.',
      registers,
      aggregator: 'min',
    }),
    // The names are those of the configured pairs: no client brings another one.
    pairEnd: new Gauge({
      name: 'gatehouse_certificate_pair_expiry_timestamp_seconds',
      help: 'When each served certificate ends, by the first name in it.',
      labelNames: ['server_name', 'source'],
      registers,
      aggregator: 'min',
    }),
    pairFault: new Gauge({
      name: 'gatehouse_certificate_pair_fault',
      help: '1 while the files of a pair cannot be served, and the pair from before is.',
      labelNames: ['server_name', 'source'],
      registers,
      aggregator: 'max',
    }),
  };
}

/** What there is once, however many processes serve requests. */
export function hostMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const gauge = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Gauge({ name, help, labelNames, registers });
  const counter = (name: string, help: string, ...labelNames: string[]) =>
    new Counter({ name, help, labelNames, registers });
  return {
    registry,
    build: gauge('gatehouse_build_info', 'Always 1; the labels say what runs.', 'version', 'node'),
    up: gauge('gatehouse_up', '1 when the process answers.', 'process'),
    uptime: gauge('gatehouse_process_uptime_seconds', 'Since the process started.', 'process'),
    resident: gauge('gatehouse_process_resident_memory_bytes', 'Resident memory.', 'process'),
    cpu: counter('gatehouse_process_cpu_seconds_total', 'CPU time, user and system.', 'process'),
    lag: gauge(
      'gatehouse_process_eventloop_lag_seconds',
      'How late the event loop is, 99th percentile of the last seconds.',
      'process',
    ),
    descriptors: gauge('gatehouse_process_open_fds', 'Open file descriptors.', 'process'),
    uploads: gauge(
      'gatehouse_uploads_open',
      'Upload sessions that were begun and neither finished nor expired.',
    ),
    coreRequests: gauge('gatehouse_core_requests_in_flight', 'Requests that the core works at.'),
    diskFree: gauge('gatehouse_disk_free_bytes', 'Free space on a disk.', 'path'),
    diskSize: gauge('gatehouse_disk_size_bytes', 'Size of a disk.', 'path'),
    diskReserve: gauge(
      'gatehouse_disk_reserve_bytes',
      'Below this much free space uploads are refused.',
      'path',
    ),
    gcRunning: gauge('gatehouse_gc_running', '1 while a collection runs.'),
    gcRuns: counter('gatehouse_gc_runs_total', 'Collections since the collector started.', 'result'),
    gcSeconds: counter('gatehouse_gc_duration_seconds_total', 'Time that collections took.'),
    gcFreed: counter('gatehouse_gc_freed_bytes_total', 'Bytes that collections gave back.'),
    gcBlobs: counter('gatehouse_gc_swept_blobs_total', 'Blobs that collections removed.'),
    gcManifests: counter('gatehouse_gc_deleted_manifests_total', 'Manifests that collections removed.'),
    gcUploads: counter('gatehouse_gc_expired_uploads_total', 'Upload sessions that collections removed.'),
    gcLastSuccess: gauge('gatehouse_gc_last_success_timestamp_seconds', 'When the last collection ended.'),
    gcLastDuration: gauge('gatehouse_gc_last_duration_seconds', 'How long the last collection took.'),
    gcLastFreed: gauge('gatehouse_gc_last_freed_bytes', 'Bytes that the last collection gave back.'),
    gcLastErrors: gauge('gatehouse_gc_last_errors', 'What the last collection could not do.'),
    gcNextRun: gauge('gatehouse_gc_next_run_timestamp_seconds', 'When the next scheduled collection starts.'),
  };
}

export type WorkerMetrics = ReturnType<typeof workerMetrics>;
export type HostMetrics = ReturnType<typeof hostMetrics>;

export const contentType = Registry.PROMETHEUS_CONTENT_TYPE;

/** Several processes' metrics as one, in the text format of Prometheus 0.0.4. */
export function mergeSnapshots(snapshots: readonly Snapshot[]): Promise<string> {
  return AggregatorRegistry.aggregate([...snapshots]).metrics();
}
