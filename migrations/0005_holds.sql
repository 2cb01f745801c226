-- Holds: a stop on lines until somebody decides.

create table holds (
    enrollment_id uuid not null references enrollments (id),
    id uuid not null,
    reason_kind text not null check (reason_kind in ('refund_threshold', 'dispute', 'fraud_sign', 'manual')),
    reason text not null,
    evidence jsonb not null default '{}',
    status text not null check (status in ('open', 'approved', 'rejected')),
    placed_at timestamptz not null,
    placed_by text not null,
    decided_at timestamptz,
    decided_by text,
    decision_reason text,
    primary key (enrollment_id, id),
    constraint holds_decided_check check ((status = 'open') = (decided_at is null))
);
create index holds_id_idx on holds (id);
create index holds_open_idx on holds (placed_at) where status = 'open';

create table hold_lines (
    enrollment_id uuid not null,
    hold_id uuid not null,
    line_id uuid not null,
    primary key (enrollment_id, hold_id, line_id),
    foreign key (enrollment_id, hold_id) references holds (enrollment_id, id),
    foreign key (enrollment_id, line_id) references commissions_ledger (enrollment_id, id)
);
create index hold_lines_line_idx on hold_lines (enrollment_id, line_id);
create trigger hold_lines_insert_only before update or delete on hold_lines for each row execute function refuse_change();
