-- A channel and its role may be stored while two-way is off. Two-way on still needs a channel. Builds that don't know this
-- migration run on it: they compare a stored channel as one in use, and clear it with the next change of its pool or number.
ALTER TABLE pools
  DROP CONSTRAINT pool_two_way_has_a_channel,
  ADD CONSTRAINT pool_two_way_on_has_a_channel CHECK (two_way_channel_arn IS NOT NULL OR NOT two_way_enabled) NOT VALID;

ALTER TABLE phone_numbers
  DROP CONSTRAINT phone_number_two_way_has_a_channel,
  ADD CONSTRAINT phone_number_two_way_on_has_a_channel
    CHECK (two_way_channel_arn IS NOT NULL OR NOT two_way_enabled) NOT VALID;
