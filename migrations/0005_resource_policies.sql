-- Policies of resources, as their owners wrote them.
CREATE TABLE resource_policies (
  account_id text NOT NULL,
  region text NOT NULL,
  -- As in tags.
  resource_type text NOT NULL,
  resource_id text NOT NULL,
  policy text NOT NULL,
  created_at timestamptz NOT NULL,
  CONSTRAINT resource_policies_pkey PRIMARY KEY (account_id, region, resource_type, resource_id)
);

-- What the policies come to: a row for each account that a policy names, and one for `*`, everybody else. A row without
-- actions grants nothing: it stands for an account to which the policy denies what it allows everybody.
CREATE TABLE resource_grants (
  -- The owner.
  account_id text NOT NULL,
  region text NOT NULL,
  resource_type text NOT NULL,
  resource_id text NOT NULL,
  consumer text NOT NULL,
  -- "sms-voice:DescribePools", ...: without wildcards.
  actions text[] NOT NULL,
  CONSTRAINT resource_grants_pkey PRIMARY KEY (account_id, region, resource_type, resource_id, consumer),
  CONSTRAINT grant_comes_from_a_policy
    FOREIGN KEY (account_id, region, resource_type, resource_id) REFERENCES resource_policies ON DELETE CASCADE
);

CREATE INDEX resource_grants_by_consumer ON resource_grants (consumer, region, resource_type);
