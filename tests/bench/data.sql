-- The benchmark's data, in an empty, migrated database: as if made through the API, but set by set. For psql, with
--   accounts, pools (of an account), sender_ids (of an account), members and member_numbers (of every member_step-th pool:
--   in all, and phone numbers among them; other pools have one sender ID), phone_numbers (in no pool, in all).
-- Names hold numbers of nineteen digits, which tests/bench/driver/workload.cc and pgbench can make as well.
\set ON_ERROR_STOP on
\set first 1000000000000000000
-- Foreign keys are not looked up row by row: everything that is referred to is in here.
SET session_replication_role = replica;
SET synchronous_commit = off;

INSERT INTO accounts (account_id, region, created_at, pools, sender_ids, phone_numbers, opt_out_lists)
SELECT (100000000001 + a)::text, 'us-east-1', '2025-01-01', :pools, :sender_ids, :phone_numbers / :accounts, 1
FROM generate_series(0, :accounts - 1) AS a;

INSERT INTO opt_out_lists (account_id, region, opt_out_list_name, created_at)
SELECT account_id, region, 'Default', created_at FROM accounts;

INSERT INTO sender_ids (account_id, region, sender_id, iso_country_code, message_types, monthly_leasing_price,
                        deletion_protection_enabled, registered, created_at)
SELECT account_id, region, 'BENCH' || 100000 + s, 'GB', ARRAY['PROMOTIONAL', 'TRANSACTIONAL'], '0.00', false, false,
       created_at
FROM accounts, generate_series(0, :sender_ids - 1) AS s;

CREATE TEMPORARY TABLE numbered AS
SELECT k, (100000000001 + k / :pools)::text AS account_id, 'pool-0000000000000' || :first + k AS pool_id
FROM generate_series(0, :accounts::bigint * :pools - 1) AS k;

INSERT INTO pools (account_id, region, pool_id, status, message_type, two_way_enabled, self_managed_opt_outs_enabled,
                   opt_out_list_account_id, opt_out_list_name, shared_routes_enabled, deletion_protection_enabled,
                   created_at)
SELECT account_id, 'us-east-1', pool_id, 'ACTIVE', CASE k % 2 WHEN 0 THEN 'TRANSACTIONAL' ELSE 'PROMOTIONAL' END, false,
       false, account_id, 'Default', false, k / 2 % 2 = 1, '2025-01-01'::timestamptz + k * interval '1 s'
FROM numbered ORDER BY k;

INSERT INTO pool_keywords (account_id, region, pool_id, keyword, keyword_message, keyword_action)
SELECT account_id, 'us-east-1', pool_id, keyword, message, action
FROM numbered, (VALUES ('HELP', 'Reply STOP to stop receiving messages.', 'AUTOMATIC_RESPONSE'),
                       ('STOP', 'You are unsubscribed and will receive no more messages.', 'OPT_OUT'))
     AS keywords (keyword, message, action)
ORDER BY k, keyword;

INSERT INTO tags (account_id, region, resource_type, resource_id, key, value)
SELECT account_id, 'us-east-1', 'pool', pool_id, 'team', 'billing' FROM numbered ORDER BY k;

-- Millions of rows go in sooner without indexes, which are then made as they were.
CREATE TEMPORARY TABLE indexes AS
SELECT format('ALTER TABLE pool_members DROP CONSTRAINT %I', conname) AS drop,
       format('ALTER TABLE pool_members ADD CONSTRAINT %I %s', conname, pg_get_constraintdef(oid)) AS make
FROM pg_constraint WHERE conrelid = 'pool_members'::regclass AND contype IN ('p', 'u')
UNION ALL
SELECT format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid)
FROM pg_index WHERE indrelid = 'pool_members'::regclass
AND indexrelid NOT IN (SELECT conindid FROM pg_constraint WHERE conrelid = 'pool_members'::regclass);
SELECT drop FROM indexes \gexec

INSERT INTO pool_members (account_id, region, pool_id, sender_id_key, iso_country_code)
SELECT account_id, 'us-east-1', pool_id, 'bench' || 100000 + (k + i) % :sender_ids, 'GB'
FROM numbered,
     generate_series(1, CASE k % :member_step WHEN 0 THEN :members - :member_numbers ELSE 1 END) AS i
ORDER BY k, i;

SET maintenance_work_mem = '512MB';
SELECT make FROM indexes \gexec

-- Numbers that are members, from 2000000000000000000 on; those in no pool, from 1000000000000000000 on.
CREATE TEMPORARY TABLE numbered_phones AS
SELECT account_id, pool_id, 2 * :first::bigint + row_number() OVER (ORDER BY k, i) AS n
FROM numbered, generate_series(1, :member_numbers) AS i WHERE k % :member_step = 0
UNION ALL
SELECT (100000000001 + f % :accounts)::text, NULL, :first::bigint + f FROM generate_series(0, :phone_numbers - 1) AS f;

INSERT INTO phone_numbers (account_id, region, phone_number_id, phone_number, status, iso_country_code, message_type,
                           number_capabilities, number_type, monthly_leasing_price, two_way_enabled,
                           self_managed_opt_outs_enabled, opt_out_list_account_id, opt_out_list_name,
                           international_sending_enabled, deletion_protection_enabled, pool_id, created_at)
SELECT account_id, 'us-east-1', 'phone-0000000000000' || n, '+1' || n % 10000000000 + n / :first * 1000000000, 'ACTIVE',
       'US', 'TRANSACTIONAL', ARRAY['SMS', 'VOICE'], 'LONG_CODE', '1.00', false, false, account_id, 'Default', false, false,
       pool_id, '2025-01-01'::timestamptz + n % 1000000000 * interval '1 s'
FROM numbered_phones ORDER BY n;

INSERT INTO phone_number_keywords (account_id, region, phone_number_id, keyword, keyword_message, keyword_action)
SELECT account_id, region, phone_number_id, keyword, message, action
FROM phone_numbers, (VALUES ('HELP', 'Reply STOP to stop receiving messages.', 'AUTOMATIC_RESPONSE'),
                            ('STOP', 'You are unsubscribed and will receive no more messages.', 'OPT_OUT'))
     AS keywords (keyword, message, action)
ORDER BY phone_number_id, keyword;

INSERT INTO pool_members (account_id, region, pool_id, phone_number_id)
SELECT account_id, region, pool_id, phone_number_id FROM phone_numbers WHERE pool_id IS NOT NULL
ORDER BY phone_number_id;

DROP TABLE numbered, numbered_phones, indexes;
VACUUM (ANALYZE);
CHECKPOINT;

-- In memory, as far as there is room, as it is after a while.
CREATE EXTENSION pg_prewarm;
SELECT sum(pg_prewarm(oid)) FROM pg_class WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace \g /dev/null
