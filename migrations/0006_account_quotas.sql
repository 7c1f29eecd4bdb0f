-- Quotas of single accounts, where they differ from the deployment's.
CREATE TABLE account_quotas (
  account_id text NOT NULL,
  region text NOT NULL,
  -- The Reason of the refusal: POOLS_PER_ACCOUNT, ...
  quota text NOT NULL,
  amount bigint NOT NULL CONSTRAINT quota_is_not_negative CHECK (amount >= 0),
  CONSTRAINT account_quotas_pkey PRIMARY KEY (account_id, region, quota)
);
