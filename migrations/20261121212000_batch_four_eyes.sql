-- The program's amount for four eyes as it was at drafting, so that who drafted can't raise it before approving. In the
-- program's currency.

alter table payout_batches add column four_eyes_above_minor bigint check (four_eyes_above_minor >= 0);
