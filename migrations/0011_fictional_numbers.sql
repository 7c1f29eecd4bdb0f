-- Marks the fictional numbers of the inventory, so that imported ones go out first. Fictional are those that an earlier
-- migration made and that no import has changed since: a number whose country, type, capabilities or price is another
-- now was imported. One that was imported with the very same values can't be told apart; it counts as fictional until
-- it is imported again.
--
-- The index has the order in which numbers are handed out. It is made before the rows are marked: an index that is made
-- after changes of its columns can't be used while older transactions run.
CREATE INDEX inventory_numbers_to_hand_out
  ON inventory_numbers (iso_country_code, number_type, fictional, released_at NULLS FIRST, phone_number)
  WHERE held_by IS NULL;

WITH made (phone_number, country, type, capabilities, price) AS (
  SELECT '+1' || area || '55501' || to_char(line, 'FM00'), country, type, capabilities, price
  FROM (
    SELECT area, 'US', 'LONG_CODE', ARRAY['MMS', 'SMS', 'VOICE'], '1.00'
    FROM unnest(ARRAY[201, 202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216, 217, 218, 219, 224, 225, 228,
                      229, 231, 234, 239, 240, 248, 251, 252, 253, 254, 256, 260, 262, 267, 269, 270, 272, 276, 281, 301,
                      302, 303, 304, 305, 307, 308, 309, 310, 312, 313, 314, 315, 316, 317, 318, 319, 320, 321, 323, 325,
                      330, 331, 334, 336, 337, 339, 346, 347, 351, 352, 360, 361, 385, 386, 401, 402, 404, 405, 406, 407,
                      408, 409, 410, 412, 413, 414, 415, 417, 419, 423, 424, 425, 430, 432, 434, 435, 440, 442, 443, 458])
      AS area
    UNION ALL
    SELECT area, 'US', 'TEN_DLC', ARRAY['MMS', 'SMS', 'VOICE'], '1.00'
    FROM unnest(ARRAY[463, 469, 470, 475, 478, 479, 480, 484, 501, 502, 503, 504, 505, 507, 508, 509, 510, 512, 513, 515,
                      516, 517, 518, 520, 530, 531, 534, 539, 540, 541, 551, 559, 561, 562, 563, 567, 570, 571, 573, 574,
                      575, 580, 585, 586, 601, 602, 603, 605, 606, 607, 608, 609, 610, 612, 614, 615, 616, 617, 618, 619])
      AS area
    UNION ALL
    SELECT area, 'US', 'TOLL_FREE', ARRAY['MMS', 'SMS', 'VOICE'], '2.00'
    FROM unnest(ARRAY[800, 833, 844, 855, 866, 877, 888]) AS area
    UNION ALL
    SELECT area, 'US', 'SIMULATOR', ARRAY['SMS', 'VOICE'], '1.00'
    FROM unnest(ARRAY[620, 623, 626, 628, 629, 630, 631, 636, 641, 646]) AS area
    UNION ALL
    SELECT area, 'CA', 'LONG_CODE', ARRAY['MMS', 'SMS', 'VOICE'], '1.00'
    FROM unnest(ARRAY[204, 226, 236, 249, 250, 289, 306, 343, 365, 403, 416, 418, 431, 437, 438, 450, 506, 514, 519, 579])
      AS area
  ) AS ranges (area, country, type, capabilities, price), generate_series(0, 99) AS line
  UNION ALL
  SELECT '+' || prefix || lpad(line::text, digits, '0'), country, type, capabilities, price
  FROM (
    VALUES ('447700900', 3, 0, 999, 'GB', 'LONG_CODE', ARRAY['SMS', 'VOICE'], '1.25'),
           ('442079460', 3, 0, 999, 'GB', 'LONG_CODE', ARRAY['VOICE'], '1.00'),
           ('448081570', 3, 0, 999, 'GB', 'TOLL_FREE', ARRAY['VOICE'], '2.00'),
           ('3363998', 4, 0, 9999, 'FR', 'LONG_CODE', ARRAY['SMS', 'VOICE'], '1.50'),
           ('493023125', 3, 0, 999, 'DE', 'LONG_CODE', ARRAY['VOICE'], '1.00'),
           ('4917139200', 2, 0, 99, 'DE', 'LONG_CODE', ARRAY['SMS', 'VOICE'], '1.50'),
           ('49176040690', 2, 0, 99, 'DE', 'LONG_CODE', ARRAY['SMS', 'VOICE'], '1.50'),
           ('6125550', 4, 0, 9999, 'AU', 'LONG_CODE', ARRAY['VOICE'], '2.00'),
           ('61491570', 3, 156, 159, 'AU', 'LONG_CODE', ARRAY['SMS', 'VOICE'], '3.00'),
           ('467017406', 2, 5, 99, 'SE', 'LONG_CODE', ARRAY['SMS', 'VOICE'], '3.00'),
           ('3532091', 5, 0, 999, 'IE', 'LONG_CODE', ARRAY['SMS', 'VOICE'], '2.00')
  ) AS ranges (prefix, digits, first, last, country, type, capabilities, price),
       generate_series(ranges.first, ranges.last) AS line
)
UPDATE inventory_numbers SET fictional = true FROM made
WHERE inventory_numbers.phone_number = made.phone_number AND iso_country_code = country AND number_type = type
  AND number_capabilities = capabilities AND monthly_leasing_price = price;
