export const serverNames = ['gatehouse', 'docker-registry', 'nginx'] as const;

export type ServerName = (typeof serverNames)[number];

/** A registry that runs, with TLS and accounts. */
export interface Server {
  name: ServerName;
  port: number;
  /** PEM. */
  ca: string;
  user: string;
  password: string;
  /** All its processes, as they are now. */
  pids(): number[];
  /** One of the same kind, with directories of its own under `root`. */
  another(root: string): Promise<ServerKind>;
  stop(): Promise<void>;
}

/** How a server is started, whose directories are there already. */
export interface ServerKind {
  name: ServerName;
  /** What is in force, for the reader of the report. */
  configuration: string;
  /** Where its data is. */
  storage: string;
  start(): Promise<Server>;
}

export function basic({ user, password }: Pick<Server, 'user' | 'password'>): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

export function originOf({ port }: Pick<Server, 'port'>): string {
  return `https://localhost:${port}`;
}
