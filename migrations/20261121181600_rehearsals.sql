-- Rehearsals that were asked for in the console: what was played, and the report with its proof.
create table rehearsals (
    id uuid primary key,
    started_at timestamptz not null,
    started_by text not null,
    items integer not null check (items > 0),
    kills integer not null check (kills >= 0),
    seed bigint not null,
    finished_at timestamptz,
    report jsonb,
    -- Why it did not come to its end.
    error text,
    constraint rehearsals_ending_check check ((finished_at is null) = (report is null and error is null))
);
-- One at a time: each takes what the machine has.
create unique index rehearsals_under_way_key on rehearsals ((true)) where finished_at is null;
