-- The recipients on opt-out lists, in their millions: a narrow table, read by key and in the order of its key only.
CREATE TABLE opted_out_numbers (
  account_id text NOT NULL,
  region text NOT NULL,
  -- Of opt_out_lists. No foreign key: the numbers of a deleted list are removed in small batches afterwards.
  list_id bigint NOT NULL,
  -- E.164 with `+`.
  phone_number text COLLATE "C" NOT NULL,
  opted_out_at timestamptz NOT NULL,
  end_user_opted_out boolean NOT NULL,
  CONSTRAINT opted_out_numbers_pkey PRIMARY KEY (account_id, region, list_id, phone_number)
);

CREATE INDEX opted_out_numbers_by_end_users ON opted_out_numbers (account_id, region, list_id, phone_number)
  WHERE end_user_opted_out;

-- When a number was last taken off a list: it may be again only 30 days later.
CREATE TABLE opted_in_numbers (
  account_id text NOT NULL,
  region text NOT NULL,
  list_id bigint NOT NULL,
  phone_number text COLLATE "C" NOT NULL,
  opted_in_at timestamptz NOT NULL,
  CONSTRAINT opted_in_numbers_pkey PRIMARY KEY (account_id, region, list_id, phone_number)
);

CREATE INDEX opted_in_numbers_by_age ON opted_in_numbers (opted_in_at);

-- Lists that are gone and whose numbers are still to be removed.
CREATE TABLE deleted_opt_out_lists (
  account_id text NOT NULL,
  region text NOT NULL,
  list_id bigint NOT NULL,
  CONSTRAINT deleted_opt_out_lists_pkey PRIMARY KEY (account_id, region, list_id)
);
