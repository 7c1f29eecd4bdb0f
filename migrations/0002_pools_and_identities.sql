-- Pools, the phone numbers and sender IDs of accounts, and who is in which pool.
CREATE TABLE pools (
  account_id text NOT NULL,
  region text NOT NULL,
  pool_id text COLLATE "C" NOT NULL,
  status text NOT NULL,
  message_type text NOT NULL,
  two_way_enabled boolean NOT NULL,
  two_way_channel_arn text,
  two_way_channel_role text,
  self_managed_opt_outs_enabled boolean NOT NULL,
  -- The list's owner: this account, or one that shares the list with it.
  opt_out_list_account_id text NOT NULL,
  opt_out_list_name text COLLATE "C" NOT NULL,
  shared_routes_enabled boolean NOT NULL,
  deletion_protection_enabled boolean NOT NULL,
  created_at timestamptz NOT NULL,
  -- Grows with every change of the pool or its membership.
  revision bigint NOT NULL DEFAULT 1,
  -- When deletion began; set while the status is DELETING.
  deleted_at timestamptz,
  CONSTRAINT pools_pkey PRIMARY KEY (account_id, region, pool_id),
  CONSTRAINT pool_belongs_to_an_account FOREIGN KEY (account_id, region) REFERENCES accounts,
  CONSTRAINT pool_uses_an_opt_out_list
    FOREIGN KEY (opt_out_list_account_id, region, opt_out_list_name) REFERENCES opt_out_lists,
  CONSTRAINT pool_status_is_known CHECK (status IN ('CREATING', 'ACTIVE', 'DELETING')),
  CONSTRAINT pool_message_type_is_known CHECK (message_type IN ('TRANSACTIONAL', 'PROMOTIONAL')),
  CONSTRAINT pool_two_way_has_a_channel CHECK (two_way_enabled = (two_way_channel_arn IS NOT NULL)),
  CONSTRAINT pool_channel_role_has_a_channel CHECK (two_way_channel_role IS NULL OR two_way_channel_arn IS NOT NULL),
  CONSTRAINT pool_self_managed_needs_two_way CHECK (two_way_enabled OR NOT self_managed_opt_outs_enabled),
  CONSTRAINT pool_is_deleted_since CHECK ((status = 'DELETING') = (deleted_at IS NOT NULL))
);

CREATE INDEX pools_by_age ON pools (account_id, region, created_at, pool_id);
CREATE INDEX pools_by_opt_out_list ON pools (opt_out_list_account_id, region, opt_out_list_name);
CREATE INDEX pools_being_deleted ON pools (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE phone_numbers (
  account_id text NOT NULL,
  region text NOT NULL,
  phone_number_id text COLLATE "C" NOT NULL,
  -- E.164 with `+`, or the digits of a short code.
  phone_number text COLLATE "C" NOT NULL,
  status text NOT NULL,
  iso_country_code text COLLATE "C" NOT NULL,
  message_type text NOT NULL,
  -- Sorted, so that equal sets are equal arrays.
  number_capabilities text[] NOT NULL,
  number_type text NOT NULL,
  monthly_leasing_price text NOT NULL,
  two_way_enabled boolean NOT NULL,
  two_way_channel_arn text,
  two_way_channel_role text,
  self_managed_opt_outs_enabled boolean NOT NULL,
  -- The list's owner: this account, or one that shares the list with it.
  opt_out_list_account_id text NOT NULL,
  opt_out_list_name text COLLATE "C" NOT NULL,
  international_sending_enabled boolean NOT NULL,
  deletion_protection_enabled boolean NOT NULL,
  registration_id text,
  -- One column, so that a number is in one pool at most. The row in pool_members agrees with it.
  pool_id text COLLATE "C",
  created_at timestamptz NOT NULL,
  CONSTRAINT phone_numbers_pkey PRIMARY KEY (account_id, region, phone_number_id),
  CONSTRAINT one_phone_number_once UNIQUE (account_id, region, phone_number),
  CONSTRAINT phone_number_and_its_pool UNIQUE (account_id, region, phone_number_id, pool_id),
  CONSTRAINT phone_number_belongs_to_an_account FOREIGN KEY (account_id, region) REFERENCES accounts,
  CONSTRAINT phone_number_uses_an_opt_out_list
    FOREIGN KEY (opt_out_list_account_id, region, opt_out_list_name) REFERENCES opt_out_lists,
  CONSTRAINT phone_number_is_in_a_pool FOREIGN KEY (account_id, region, pool_id) REFERENCES pools,
  CONSTRAINT phone_number_status_is_known
    CHECK (status IN ('PENDING', 'ACTIVE', 'ASSOCIATING', 'DISASSOCIATING', 'DELETED')),
  CONSTRAINT phone_number_message_type_is_known CHECK (message_type IN ('TRANSACTIONAL', 'PROMOTIONAL')),
  CONSTRAINT phone_number_type_is_known
    CHECK (number_type IN ('SHORT_CODE', 'LONG_CODE', 'TOLL_FREE', 'TEN_DLC', 'SIMULATOR')),
  CONSTRAINT phone_number_capabilities_are_known
    CHECK (number_capabilities <> '{}' AND number_capabilities <@ ARRAY['MMS', 'RCS', 'SMS', 'VOICE']),
  CONSTRAINT phone_number_two_way_has_a_channel CHECK (two_way_enabled = (two_way_channel_arn IS NOT NULL)),
  CONSTRAINT phone_number_channel_role_has_a_channel
    CHECK (two_way_channel_role IS NULL OR two_way_channel_arn IS NOT NULL),
  CONSTRAINT phone_number_self_managed_needs_two_way CHECK (two_way_enabled OR NOT self_managed_opt_outs_enabled)
);

CREATE INDEX phone_numbers_by_age ON phone_numbers (account_id, region, created_at, phone_number_id);
CREATE INDEX phone_numbers_by_pool ON phone_numbers (account_id, region, pool_id) WHERE pool_id IS NOT NULL;
CREATE INDEX phone_numbers_by_opt_out_list ON phone_numbers (opt_out_list_account_id, region, opt_out_list_name);
CREATE INDEX phone_numbers_pending ON phone_numbers (created_at) WHERE status = 'PENDING';

CREATE TABLE sender_ids (
  account_id text NOT NULL,
  region text NOT NULL,
  -- In the case in which it was requested.
  sender_id text COLLATE "C" NOT NULL,
  iso_country_code text COLLATE "C" NOT NULL,
  -- What makes it the same sender ID: its case does not count.
  sender_id_key text COLLATE "C" NOT NULL GENERATED ALWAYS AS (lower(sender_id COLLATE "C")) STORED,
  message_types text[] NOT NULL,
  monthly_leasing_price text NOT NULL,
  deletion_protection_enabled boolean NOT NULL,
  registered boolean NOT NULL,
  registration_id text,
  created_at timestamptz NOT NULL,
  CONSTRAINT sender_ids_pkey PRIMARY KEY (account_id, region, sender_id_key, iso_country_code),
  CONSTRAINT sender_id_belongs_to_an_account FOREIGN KEY (account_id, region) REFERENCES accounts,
  CONSTRAINT sender_id_message_types_are_known
    CHECK (message_types <> '{}' AND message_types <@ ARRAY['PROMOTIONAL', 'TRANSACTIONAL'])
);

-- Who is in which pool. A row names either a phone number or a sender ID with its country.
CREATE TABLE pool_members (
  account_id text NOT NULL,
  region text NOT NULL,
  pool_id text COLLATE "C" NOT NULL,
  -- Grows in the order of association: members come and go only under the pool's row lock.
  position bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  phone_number_id text COLLATE "C",
  sender_id_key text COLLATE "C",
  iso_country_code text COLLATE "C",
  CONSTRAINT pool_members_pkey PRIMARY KEY (account_id, region, pool_id, position),
  CONSTRAINT member_belongs_to_a_pool FOREIGN KEY (account_id, region, pool_id) REFERENCES pools,
  CONSTRAINT one_pool_per_phone_number UNIQUE (account_id, region, phone_number_id),
  CONSTRAINT one_membership_per_sender_id_and_pool
    UNIQUE (account_id, region, pool_id, sender_id_key, iso_country_code),
  CONSTRAINT member_agrees_with_its_phone_number
    FOREIGN KEY (account_id, region, phone_number_id, pool_id)
    REFERENCES phone_numbers (account_id, region, phone_number_id, pool_id),
  CONSTRAINT member_names_a_sender_id
    FOREIGN KEY (account_id, region, sender_id_key, iso_country_code) REFERENCES sender_ids,
  CONSTRAINT member_is_a_number_or_a_sender_id
    CHECK (num_nonnulls(phone_number_id, sender_id_key) = 1
           AND (sender_id_key IS NULL) = (iso_country_code IS NULL))
);

CREATE INDEX pool_members_by_sender_id ON pool_members (account_id, region, sender_id_key, iso_country_code)
  WHERE sender_id_key IS NOT NULL;

-- What a pool or a number answers to which word. While a number is in a pool, the pool's keywords count and its own
-- rest; it takes the pool's with it when it leaves.
CREATE TABLE pool_keywords (
  account_id text NOT NULL,
  region text NOT NULL,
  pool_id text COLLATE "C" NOT NULL,
  -- Upper case.
  keyword text COLLATE "C" NOT NULL,
  keyword_message text NOT NULL,
  keyword_action text NOT NULL,
  CONSTRAINT pool_keywords_pkey PRIMARY KEY (account_id, region, pool_id, keyword),
  CONSTRAINT keyword_belongs_to_a_pool
    FOREIGN KEY (account_id, region, pool_id) REFERENCES pools ON DELETE CASCADE,
  CONSTRAINT pool_keyword_action_is_known CHECK (keyword_action IN ('AUTOMATIC_RESPONSE', 'OPT_OUT', 'OPT_IN'))
);

CREATE TABLE phone_number_keywords (
  account_id text NOT NULL,
  region text NOT NULL,
  phone_number_id text COLLATE "C" NOT NULL,
  -- Upper case.
  keyword text COLLATE "C" NOT NULL,
  keyword_message text NOT NULL,
  keyword_action text NOT NULL,
  CONSTRAINT phone_number_keywords_pkey PRIMARY KEY (account_id, region, phone_number_id, keyword),
  CONSTRAINT keyword_belongs_to_a_phone_number
    FOREIGN KEY (account_id, region, phone_number_id) REFERENCES phone_numbers ON DELETE CASCADE,
  CONSTRAINT phone_number_keyword_action_is_known
    CHECK (keyword_action IN ('AUTOMATIC_RESPONSE', 'OPT_OUT', 'OPT_IN'))
);
