-- The numbers that RequestPhoneNumber hands out. `poold inventory import` adds real ones; the ranges below are the
-- ones that the numbering authorities keep free for fiction, so they reach nobody.
CREATE TABLE inventory_numbers (
  -- E.164 with `+`.
  phone_number text COLLATE "C" NOT NULL CONSTRAINT inventory_numbers_pkey PRIMARY KEY
    CONSTRAINT inventory_number_is_e164 CHECK (phone_number ~ '^\+[1-9][0-9]{1,18}$'),
  iso_country_code text COLLATE "C" NOT NULL CONSTRAINT inventory_country_is_alpha2 CHECK (iso_country_code ~ '^[A-Z]{2}$'),
  number_type text NOT NULL
    CONSTRAINT inventory_type_is_known CHECK (number_type IN ('LONG_CODE', 'TOLL_FREE', 'TEN_DLC', 'SIMULATOR')),
  number_capabilities text[] NOT NULL
    CONSTRAINT inventory_capabilities_are_known
      CHECK (number_capabilities <> '{}' AND number_capabilities <@ ARRAY['MMS', 'RCS', 'SMS', 'VOICE']),
  -- US dollars, decimal text.
  monthly_leasing_price text NOT NULL
    CONSTRAINT inventory_price_is_decimal CHECK (monthly_leasing_price ~ '^[0-9]{1,9}\.[0-9]{2}$'),
  -- The account that has it now.
  held_by text,
  -- When it last came back; those that rested longest go out first.
  released_at timestamptz
) WITH (fillfactor = 70);

CREATE INDEX inventory_numbers_free
  ON inventory_numbers (iso_country_code, number_type, released_at NULLS FIRST, phone_number)
  WHERE held_by IS NULL;

-- North America: 555-0100 to 555-0199 of an area code are fiction (North American Numbering Plan).
INSERT INTO inventory_numbers (phone_number, iso_country_code, number_type, number_capabilities, monthly_leasing_price)
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
) AS ranges (area, country, type, capabilities, price), generate_series(0, 99) AS line;

-- Elsewhere: the numbers set aside by Ofcom (GB), ARCEP (FR), Bundesnetzagentur (DE), ACMA (AU), PTS (SE) and
-- ComReg (IE).
INSERT INTO inventory_numbers (phone_number, iso_country_code, number_type, number_capabilities, monthly_leasing_price)
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
     generate_series(ranges.first, ranges.last) AS line;
