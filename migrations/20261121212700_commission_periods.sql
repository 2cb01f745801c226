-- Commission periods: what a program earned in a month, week or day, and the lock taken on it once it is over.

alter table programs
    add column commission_period text not null default 'month' check (commission_period in ('month', 'week', 'day'));

-- The period with whose finalization the line was locked; null when a payout locked it.
alter table commissions_ledger add column finalized_with text;
alter table commissions_ledger add constraint commissions_ledger_finalized_with_check
    check (finalized_with is null or status in ('finalized', 'paid'));

-- What can still change, by the time at which it was earned: the figures of periods that are not finalized.
create index commissions_ledger_open_idx on commissions_ledger (program_id, created_at)
    where status in ('pending', 'approved', 'on_hold');

-- One row for each period that was finalized. A period covers what is left of those before it.
create table commission_periods (
    program_id uuid not null references programs (id),
    -- `2026-11`, `2026-W47` or `2026-11-21`
    name text not null,
    begins_at timestamptz not null,
    ends_at timestamptz not null,
    finalized_at timestamptz not null,
    finalized_by text not null,
    primary key (program_id, name),
    constraint commission_periods_dates_check check (begins_at < ends_at and ends_at <= finalized_at)
);
create index commission_periods_ends_at_idx on commission_periods (program_id, ends_at desc);
create trigger commission_periods_insert_only before update or delete on commission_periods for each row execute function refuse_change();
create trigger commission_periods_no_truncate before truncate on commission_periods for each statement execute function refuse_change();

-- What finalization locked, and what it left out because it can still change, by status and currency.
create table commission_period_totals (
    program_id uuid not null,
    name text not null,
    status text not null check (status in ('finalized', 'pending', 'approved', 'on_hold')),
    currency text not null check (currency ~ '^[a-z]{3}$'),
    lines bigint not null check (lines > 0),
    amount_minor bigint not null,
    primary key (program_id, name, status, currency),
    foreign key (program_id, name) references commission_periods (program_id, name)
);
create trigger commission_period_totals_insert_only before update or delete on commission_period_totals for each row execute function refuse_change();
create trigger commission_period_totals_no_truncate before truncate on commission_period_totals for each statement execute function refuse_change();

alter table runs drop constraint runs_task_check;
alter table runs add constraint runs_task_check check (task in ('payouts', 'maturity', 'missed_events', 'finalization'));
