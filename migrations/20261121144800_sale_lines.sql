-- What was bought, as invoices and checkouts tell it; null when nobody told. `lines_wanted_at`: somebody has to ask Stripe for
-- them from then on; `lines_unknown`: Stripe was asked and has none.
alter table sales
    add column lines jsonb,
    add column lines_wanted_at timestamptz,
    add column lines_unknown boolean not null default false;
create index sales_lines_wanted_idx on sales (lines_wanted_at) where lines_wanted_at is not null;

-- A sale that turned out to be another one: when, why, by which event, and under which of Stripe's ids it was known.
alter table sales
    add column merged_at timestamptz,
    add column merged_because text check (merged_because in ('linked', 'alike')),
    add column merged_cause text,
    add column merged_aliases text[] not null default '{}';
