-- Salesforce accounts as they are: every column, every row. Phones are as typed, so lookups by phone will miss most.
-- Unique identifier: ID.
SELECT * FROM salesforce.accounts
