-- inventory_numbers_to_hand_out has taken its place. The previous release works without it, but sorts the free numbers of a
-- country each time that it hands one out.
DROP INDEX inventory_numbers_free;
