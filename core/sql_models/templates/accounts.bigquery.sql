-- Salesforce accounts: all columns, with phone in E.164, the form in which an agent's desktop looks a caller up.
-- Unique identifier: id. Rows without a phone or without a country are left out.
--
-- Only one phone field can be the one to look up by. To use another, put it in place of phone in the first block:
-- person_home_phone, person_mobile_phone or person_other_phone.
-- To import fewer columns, put a list of columns in place of * EXCEPT (...).
-- Differs from the published sample: outside the US that sample gives digits without +, and leaves other texts as
-- they are. Neither is E.164, and a lookup would miss it. Here the result is E.164, or NULL where the number cannot
-- be told. Add the countries you serve to calling_code; check the result against your data.
WITH cleaned AS (
    SELECT
        *,
        UPPER(TRIM(billing_country)) AS phone_country,
        REGEXP_REPLACE(LOWER(TRIM(phone)), r' *(ext[.]?|x|#) *[0-9]+$', '') AS phone_text
    FROM salesforce.accounts
    WHERE phone IS NOT NULL AND billing_country IS NOT NULL
),
placed AS (
    SELECT
        *,
        CASE WHEN phone_text LIKE '+%' OR phone_text LIKE '00%' THEN 1 ELSE 0 END AS is_international,
        CASE
            WHEN phone_country IN ('US', 'USA', 'UNITED STATES') THEN '1'
            WHEN phone_country IN ('DE', 'GERMANY', 'DEUTSCHLAND') THEN '49'
            WHEN phone_country IN ('FR', 'FRANCE') THEN '33'
            WHEN phone_country IN ('GB', 'UK', 'UNITED KINGDOM') THEN '44'
            WHEN phone_country IN ('JP', 'JAPAN', '日本') THEN '81'
        END AS calling_code
    FROM cleaned
),
numbered AS (
    SELECT
        *,
        CASE
            -- +49 (0)30 ...: the zero in brackets is not dialled from abroad; 00 stands for +
            WHEN is_international = 1
                THEN REGEXP_REPLACE(REGEXP_REPLACE(REPLACE(phone_text, '(0)', ''), r'[^0-9]', ''), r'^00', '')
            ELSE REGEXP_REPLACE(phone_text, r'[^0-9]', '')
        END AS phone_digits
    FROM placed
)
SELECT
    * EXCEPT (phone, phone_country, phone_text, is_international, calling_code, phone_digits),
    CASE
        -- (NNN) NNN-NNNN in the US, and the same ten digits written with dots, dashes or a leading 1
        WHEN calling_code = '1' AND is_international = 0
            AND REGEXP_CONTAINS(phone_digits, r'^1?[2-9][0-8][0-9][2-9][0-9]{6}$')
            AND RIGHT(phone_digits, 10) NOT LIKE '555%'
            THEN '+1' || RIGHT(phone_digits, 10)
        -- +49 30 ..., whatever the country column says
        WHEN is_international = 1
            AND REGEXP_CONTAINS(phone_digits, r'^(1[2-9][0-8][0-9][2-9][0-9]{6}|[2-9][0-9]{7,14})$')
            AND phone_digits NOT LIKE '1555%'
            THEN '+' || phone_digits
        -- 030 ..., where the country column gives the calling code and the leading zero is only dialled at home
        WHEN calling_code <> '1' AND is_international = 0 AND REGEXP_CONTAINS(phone_digits, r'^0[1-9][0-9]{6,11}$')
            THEN '+' || calling_code || SUBSTR(phone_digits, 2)
    END AS phone
FROM numbered
