import type { Migration } from '../../runtime/migrations.ts';

/** users.db. Times are milliseconds since 1970. */
export const migrations: readonly Migration[] = [
  {
    name: 'accounts, grants, signing keys',
    sql: `
      -- AUTOINCREMENT: the id of a removed account never comes back, so neither do the tokens issued for it.
      CREATE TABLE accounts (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL CHECK (kind IN ('user', 'team', 'robot')),
        password_hash TEXT,
        admin INTEGER NOT NULL DEFAULT 0 CHECK (admin IN (0, 1)),
        enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
        credential_version INTEGER NOT NULL DEFAULT 1,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL
      ) STRICT;

      -- The subject of 'anonymous' and 'authenticated' is ''. Actions: pull, push, delete in this order, by commas.
      CREATE TABLE grants (
        subject_kind TEXT NOT NULL
          CHECK (subject_kind IN ('user', 'team', 'robot', 'anonymous', 'authenticated')),
        subject TEXT NOT NULL,
        pattern TEXT NOT NULL,
        actions TEXT NOT NULL CHECK (actions <> ''),
        created_at INTEGER NOT NULL,
        PRIMARY KEY (subject_kind, subject, pattern)
      ) STRICT, WITHOUT ROWID;

      -- 'signing' signs and verifies; 'verifying' has been rotated out while its tokens still live.
      CREATE TABLE signing_keys (
        kid TEXT PRIMARY KEY,
        private_jwk TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('signing', 'verifying')),
        created_at INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;
      CREATE UNIQUE INDEX one_signing_key ON signing_keys (state) WHERE state = 'signing';

      -- The service is the audience of tokens: one for all host names under which the server is reached.
      CREATE TABLE installation (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        service TEXT NOT NULL
      ) STRICT;
      INSERT INTO installation VALUES (1, 'gatehouse-' || lower(hex(randomblob(8))));
    `,
  },
  {
    name: 'teams, robots, personal access tokens',
    sql: `
      -- A team is an account of kind 'team': users and teams share one set of names, since both may own
      -- repositories by their name. Members are named as grants name their subjects.
      CREATE TABLE team_members (
        team_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
        member TEXT NOT NULL,
        added_at INTEGER NOT NULL,
        PRIMARY KEY (team_id, member)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX teams_of_member ON team_members (member);

      -- A robot is an account of kind 'robot', by its login name. Its secret is found by the public id that is part
      -- of it; stored is the SHA-256 of the whole. Rights: what it is limited to, as the command line writes them;
      -- NULL is no limit.
      CREATE TABLE robots (
        account_id INTEGER PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
        owner TEXT NOT NULL,
        description TEXT NOT NULL,
        secret_id TEXT NOT NULL UNIQUE,
        secret_hash TEXT NOT NULL,
        rights TEXT,
        expires_at INTEGER
      ) STRICT;

      -- The same for what users make to log in with in place of their password.
      CREATE TABLE personal_tokens (
        id TEXT PRIMARY KEY,
        account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        secret_hash TEXT NOT NULL,
        rights TEXT,
        created_at INTEGER NOT NULL,
        expires_at INTEGER,
        UNIQUE (account_id, name)
      ) STRICT, WITHOUT ROWID;
    `,
  },
  {
    name: 'refresh tokens; signing keys that retire',
    sql: `
      -- One per device that logged in. Void when the account has another credential_version. Written when made and
      -- when half of its life is over, not at each use.
      CREATE TABLE refresh_tokens (
        id TEXT PRIMARY KEY,
        token_hash TEXT NOT NULL UNIQUE,
        account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
        credential_version INTEGER NOT NULL,
        service TEXT NOT NULL,
        client_id TEXT NOT NULL,
        client_address TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        renewed_at INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX refresh_tokens_by_account ON refresh_tokens (account_id);

      -- Of a key that only verifies, the public part is all that is left in jwk.
      ALTER TABLE signing_keys RENAME COLUMN private_jwk TO jwk;
      ALTER TABLE signing_keys ADD COLUMN longest_life_ms INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE signing_keys ADD COLUMN retired_at INTEGER;
      -- DER in Base64: the key's certificate of the authority below, for services that know no key set.
      ALTER TABLE signing_keys ADD COLUMN certificate TEXT;
      CREATE TABLE token_authority (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        certificate TEXT NOT NULL,
        private_key TEXT NOT NULL,
        created_at INTEGER NOT NULL
      ) STRICT;
    `,
  },
  {
    name: 'users of an htpasswd file; a secret for logins',
    sql: `
      -- 'htpasswd': the password stands in that file, and the row lives as long as its line does.
      ALTER TABLE accounts ADD COLUMN source TEXT NOT NULL DEFAULT 'own' CHECK (source IN ('own', 'htpasswd'));
      -- Makes the work for a name that does not exist look like that for one that does; see login-work.ts.
      ALTER TABLE installation ADD COLUMN login_secret BLOB NOT NULL DEFAULT x'';
      UPDATE installation SET login_secret = randomblob(32);
    `,
  },
];
