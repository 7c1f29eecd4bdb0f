-- Accounts, as far as this service knows them: a row for each account and region that has called, made on its first
-- call together with its opt-out list `Default`. Every table's key begins with the account.
CREATE TABLE accounts (
  account_id text NOT NULL CONSTRAINT account_id_is_twelve_digits CHECK (account_id ~ '^[0-9]{12}$'),
  region text NOT NULL,
  created_at timestamptz NOT NULL,
  -- What the quotas count, kept in the transaction that adds or removes the thing itself.
  pools integer NOT NULL DEFAULT 0,
  phone_numbers integer NOT NULL DEFAULT 0,
  sender_ids integer NOT NULL DEFAULT 0,
  opt_out_lists integer NOT NULL DEFAULT 0,
  CONSTRAINT accounts_pkey PRIMARY KEY (account_id, region),
  CONSTRAINT counts_are_not_negative
    CHECK (pools >= 0 AND phone_numbers >= 0 AND sender_ids >= 0 AND opt_out_lists >= 0)
) WITH (fillfactor = 50);

CREATE TABLE opt_out_lists (
  account_id text NOT NULL,
  region text NOT NULL,
  opt_out_list_name text COLLATE "C" NOT NULL,
  -- What the numbers on the list refer to: a new list of an old name has none of the old one's numbers.
  list_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  created_at timestamptz NOT NULL,
  CONSTRAINT opt_out_lists_pkey PRIMARY KEY (account_id, region, opt_out_list_name),
  CONSTRAINT opt_out_list_belongs_to_an_account
    FOREIGN KEY (account_id, region) REFERENCES accounts
);

-- Labels of pools, phone numbers, sender IDs and opt-out lists. `resource_id` is the tail of the resource's ARN, in
-- lower case for sender IDs, whose case does not count.
CREATE TABLE tags (
  account_id text NOT NULL,
  region text NOT NULL,
  resource_type text NOT NULL,
  resource_id text NOT NULL,
  key text COLLATE "C" NOT NULL,
  value text NOT NULL,
  CONSTRAINT tags_pkey PRIMARY KEY (account_id, region, resource_type, resource_id, key)
);

-- One row for each client token that was used in the last day: the first call writes it in its own transaction, so
-- that a second one waits on the primary key and then replays `response`.
CREATE TABLE client_tokens (
  account_id text NOT NULL,
  region text NOT NULL,
  operation text NOT NULL,
  client_token text COLLATE "C" NOT NULL,
  request_hash bytea NOT NULL,
  -- The answer as protobuf bytes. Absent only inside the transaction that writes the row.
  response bytea,
  created_at timestamptz NOT NULL,
  CONSTRAINT client_tokens_pkey PRIMARY KEY (account_id, region, operation, client_token)
) WITH (fillfactor = 70);

CREATE INDEX client_tokens_by_age ON client_tokens (created_at);

-- Keys that all replicas share. Made by the database itself, so that there is nothing to configure.
CREATE TABLE secrets (
  name text NOT NULL CONSTRAINT secrets_pkey PRIMARY KEY,
  value text NOT NULL
);

INSERT INTO secrets (name, value)
VALUES ('page-token-key', gen_random_uuid()::text || gen_random_uuid()::text);
