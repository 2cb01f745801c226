-- Lowered once for all the calls that a rail refuses at the same time, not once for each.
alter table rate_buckets add column slowed_at timestamptz;

-- Whether a batch still has something to do is asked every second, whatever the number of its items.
create index payout_items_open_idx on payout_items (batch_id) where status in ('pending', 'sending', 'processing', 'unresolved');
