-- Toll-free and simulator numbers of Canada. They are fiction twice over: 555-0100 to 555-0199, in the toll-free codes 822
-- and 889, which are reserved and not in service yet, and in area codes of which 0003 took none. A number that somebody
-- imported meanwhile stays as it is.
INSERT INTO inventory_numbers (phone_number, iso_country_code, number_type, number_capabilities, monthly_leasing_price,
                               fictional)
SELECT '+1' || area || '55501' || to_char(line, 'FM00'), 'CA', type, capabilities, price, true
FROM (
  SELECT area, 'TOLL_FREE', ARRAY['MMS', 'SMS', 'VOICE'], '2.00'
  FROM unnest(ARRAY[822, 889]) AS area
  UNION ALL
  SELECT area, 'SIMULATOR', ARRAY['SMS', 'VOICE'], '1.00'
  FROM unnest(ARRAY[587, 604, 613, 647, 780]) AS area
) AS ranges (area, type, capabilities, price), generate_series(0, 99) AS line
ON CONFLICT ON CONSTRAINT inventory_numbers_pkey DO NOTHING;
