-- The rows from before 0007, which met a stricter rule.
ALTER TABLE pools VALIDATE CONSTRAINT pool_two_way_on_has_a_channel;
ALTER TABLE phone_numbers VALIDATE CONSTRAINT phone_number_two_way_on_has_a_channel;
