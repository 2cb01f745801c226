-- When a program pays by itself, and the record of every run.

-- Nothing is paid by itself unless somebody says when.
alter table programs alter column cadence set default 'manual';

alter table programs
    -- Monday is 1; used by the weekly cadence.
    add column payout_weekday smallint not null default 1 check (payout_weekday between 1 and 7),
    -- Used by the monthly cadence; in shorter months the last day stands for it.
    add column payout_day smallint not null default 1 check (payout_day between 1 and 31),
    -- Whether a scheduled batch is paid at once, or waits for review.
    add column auto_execute boolean not null default false,
    -- Slots before this time never count: the program, or its schedule, is no older.
    add column schedule_from timestamptz not null default now();

-- One row for each run: of the schedule, one for each slot of a program, whatever number of processes sees it.
create table runs (
    id uuid primary key,
    task text not null check (task in ('payouts', 'maturity', 'missed_events')),
    program_id uuid references programs (id),
    -- The slot that the schedule ran for; null for what somebody started, and for tasks without slots.
    slot_at timestamptz,
    started_at timestamptz not null,
    finished_at timestamptz,
    started_by text not null,
    outcome text not null check (outcome in ('nothing_due', 'drafted', 'executing', 'done', 'missed', 'failed')),
    note text not null,
    -- Failed runs of a slot are begun again; other failures in a row are counted here.
    attempts integer not null default 1 check (attempts >= 1),
    retry_at timestamptz,
    constraint runs_slot_key unique (program_id, task, slot_at),
    constraint runs_slot_check check (slot_at is null or program_id is not null)
);
create index runs_failed_idx on runs (task, program_id) where outcome = 'failed';
create index runs_task_idx on runs (task, id desc);

-- A run of every program may make a batch for each.
create table run_batches (
    run_id uuid not null references runs (id),
    batch_id uuid not null references payout_batches (id),
    primary key (run_id, batch_id)
);
create index run_batches_batch_id_idx on run_batches (batch_id);
