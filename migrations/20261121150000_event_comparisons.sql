-- How far the comparisons with Stripe's own list of events came: one row, after the first of them.
create table event_comparisons (
    only_one boolean primary key default true check (only_one),
    -- Nothing that Stripe told up to then is missing.
    complete_until timestamptz not null,
    -- The last comparison that came to its end.
    at timestamptz not null,
    since timestamptz not null,
    seen bigint not null check (seen >= 0),
    missing bigint not null check (missing >= 0)
);
