-- A pending payout that the rail's balance can't pay stands aside: it is not due, and its place in the batch is kept. From
-- `funds_at` on (database's clock) it may be tried again when the balance covers it. Null: it doesn't wait for the balance.

alter table payout_items add column funds_at timestamptz;

create index payout_items_funds_idx on payout_items (currency, id) where status = 'pending' and funds_at is not null;
