-- While most events are processed, nothing tells the planner how many are not: with an index on the status it would now and
-- then sort a whole backlog to take one event up. Those that wait are found by their due time only; those that somebody has to
-- look at, by an index that has no others in it.
create index inbox_events_attention_idx on inbox_events (status, received_at desc, id desc) where status in ('parked', 'failed', 'ignored');
drop index inbox_events_status_idx;
